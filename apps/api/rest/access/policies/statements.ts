import type { PolicyFields } from '#access/access-policies.js';
import type { PolicyStatement } from '#access/access-policy.entity.js';
import type { Resource } from '../../resource.js';
import type { Grant, Rule } from '../rules.js';

/** Names of actions in policies, where they differ from those in operation ids. */
const ACTIONS: Readonly<Record<string, string>> = { read: 'retrieve', delete: 'destroy', cancel: 'partial_update' };

/** An action as policies name it. */
export const policyAction = (action: string): string => ACTIONS[action] ?? action;

/** The name under which the policy of a resource is kept: its path without keys. */
export const policyName = (resource: Pick<Resource, 'path'>): string => resource.path.replaceAll(/\/:[^/]+/g, '');

const FUNCTIONS = {
  object: 'has_model_or_domain_or_obj_perms',
  namespace: 'has_namespace_perms',
  distribution: 'has_distribution_perms',
} as const;

function condition({ permission, on }: Grant, action: string): string {
  const name = action === 'create' && on === 'object' ? 'has_model_or_domain_perms' : FUNCTIONS[on];
  return `${name}:${permission}`;
}

function ruleStatement(rule: Rule, action: string): Omit<PolicyStatement, 'action'> {
  if (rule === 'nobody') return { principal: '*', effect: 'deny' };
  if (rule === 'superuser') return { principal: 'admin', effect: 'allow' };
  if (rule === 'anybody') return { principal: '*', effect: 'allow' };
  if (rule === 'authenticated') return { principal: 'authenticated', effect: 'allow' };
  const clauses = rule.map((ways) => ways.map((way) => condition(way, action)));
  const statement = { principal: 'authenticated', effect: 'allow' } as const;
  if (clauses.every((ways) => ways.length === 1)) return { ...statement, condition: clauses.flat() };
  const expression = clauses.map((ways) => (ways.length === 1 ? ways[0] : `(${ways.join(' or ')})`)).join(' and ');
  return { ...statement, condition_expression: [expression] };
}

/** The rules of a resource in the words of policies; actions with the same rule share a statement. */
export function defaultPolicy(resource: Resource, actions: readonly string[]): PolicyFields {
  const statements = new Map<string, { actions: string[]; rest: Omit<PolicyStatement, 'action'> }>();
  for (const action of new Set(actions)) {
    const rest = ruleStatement(resource.access.actions[action] ?? 'superuser', action);
    const key = JSON.stringify(rest);
    const known = statements.get(key);
    if (known) known.actions.push(policyAction(action));
    else statements.set(key, { actions: [policyAction(action)], rest });
  }
  const { ownerRole, scope } = resource.access;
  return {
    viewsetName: policyName(resource),
    statements: [...statements.values()].map((each) => ({ action: each.actions, ...each.rest })),
    creationHooks: ownerRole ? [{ function: 'add_roles_for_object_creator', parameters: { roles: ownerRole } }] : null,
    querysetScoping: scope ? { function: 'scope_queryset' } : null,
  };
}
