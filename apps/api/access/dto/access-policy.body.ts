import type { PolicyStatement } from '#access/access-policy.entity.js';
import { HOOK_FUNCTIONS } from '#access/creation-hooks.js';
import { statementProblem } from '../../rest/access/policies/evaluate.js';
import { JsonField, ObjectListField } from '../../rest/body/fields.js';

/** What an access policy is changed by. */
export class AccessPolicyBody {
  @ObjectListField({ optional: true, nullable: true, description: 'The same as creation_hooks; deprecated.' })
  permissions_assignment?: readonly object[] | null;

  @ObjectListField({
    optional: true,
    nullable: true,
    description: 'List of callables that define the new permissions to be created for new objects.',
  })
  creation_hooks?: readonly object[] | null;

  @ObjectListField({ description: 'List of policy statements defining the policy.' })
  statements: readonly object[];

  @JsonField({
    object: true,
    optional: true,
    nullable: true,
    description: 'A callable for performing queryset scoping; null shows everything.',
  })
  queryset_scoping?: object | null;

  problems(): Record<string, unknown> | undefined {
    const statements = (this.statements ?? []).map(statementRefusal).find((each) => each !== undefined);
    if (statements !== undefined) return { statements: [statements] };
    const hooks = (this.creation_hooks ?? this.permissions_assignment ?? []).map(hookRefusal).find(Boolean);
    if (hooks !== undefined) return { creation_hooks: [hooks] };
    const { function: scoping } = (this.queryset_scoping ?? { function: 'scope_queryset' }) as Record<string, unknown>;
    return scoping === 'scope_queryset'
      ? undefined
      : { queryset_scoping: ['The function must be scope_queryset; null shows everything.'] };
  }
}

const isTexts = (value: unknown): boolean =>
  typeof value === 'string' || (Array.isArray(value) && value.every((each) => typeof each === 'string'));

function statementRefusal(given: object): string | undefined {
  const statement = given as Record<string, unknown>;
  for (const member of ['action', 'principal'])
    if (!isTexts(statement[member])) return `Each statement needs "${member}": a text or a list of texts.`;
  if (statement['effect'] !== 'allow' && statement['effect'] !== 'deny')
    return 'Each statement needs "effect": allow or deny.';
  for (const member of ['condition', 'condition_expression'])
    if (statement[member] !== undefined && !isTexts(statement[member]))
      return `"${member}" is a text or a list of texts.`;
  return statementProblem(given as PolicyStatement);
}

function hookRefusal(given: object): string | undefined {
  const { function: name, parameters } = given as { function?: unknown; parameters?: Record<string, unknown> | null };
  if (!HOOK_FUNCTIONS.includes(name as string)) return `The function of a hook is one of ${HOOK_FUNCTIONS.join(', ')}.`;
  const whom = /_(users|groups)$/.exec(name as string)?.[1];
  const wrong = ['roles', ...(whom ? [whom] : [])].find((each) => !isTexts(parameters?.[each]));
  return wrong && `The parameter "${wrong}" is a name or a list of names.`;
}
