import type { PolicyStatement } from '#access/access-policy.entity.js';
import type { PermissionSet } from '#access/permission-set.js';
import type { Principal } from '#access/principal.js';
import type { GroundKeys } from '../grounds.js';
import { callsIn, holdsTrue, parseCondition } from './condition.js';

/** What statements are judged by. */
export interface PolicyFacts {
  readonly principal: Principal;
  /** Names of the caller's groups. */
  readonly groups: readonly string[];
  readonly held: PermissionSet;
  readonly keys: GroundKeys;
}

type Check = (permission: string, facts: PolicyFacts) => boolean;

const onModel: Check = (permission, { held }) => held.has(permission);
const onAny =
  (...grounds: readonly (keyof GroundKeys)[]): Check =>
  (permission, { held, keys }) =>
    grounds.some((ground) => keys[ground].some((key) => held.has(permission, key)));
const either =
  (...checks: readonly Check[]): Check =>
  (permission, facts) =>
    checks.some((check) => check(permission, facts));

/** What conditions can ask. */
const CHECKS: Readonly<Record<string, Check>> = {
  has_model_perms: onModel,
  has_domain_perms: onModel,
  has_model_or_domain_perms: onModel,
  has_obj_perms: onAny('object'),
  has_model_or_obj_perms: either(onModel, onAny('object')),
  has_domain_or_obj_perms: either(onModel, onAny('object')),
  has_model_or_domain_or_obj_perms: either(onModel, onAny('object')),
  has_namespace_perms: either(onModel, onAny('namespace')),
  has_namespace_model_perms: onModel,
  has_namespace_or_obj_perms: either(onModel, onAny('namespace', 'object')),
  has_distribution_perms: either(onModel, onAny('distribution')),
};

const listOf = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];

const conditionsOf = (statement: PolicyStatement) =>
  [...listOf(statement.condition), ...listOf(statement.condition_expression)].map(parseCondition);

/** What is wrong with statements; undefined when they can be enforced. */
export function statementProblem(statement: PolicyStatement): string | undefined {
  try {
    const unknown = conditionsOf(statement)
      .flatMap(callsIn)
      .find(({ name }) => !Object.hasOwn(CHECKS, name));
    return unknown && `The condition ${unknown.name} is not known; use one of ${Object.keys(CHECKS).join(', ')}.`;
  } catch (error) {
    return (error as Error).message;
  }
}

function isMeant(named: string, { principal, groups }: PolicyFacts): boolean {
  if (named === '*') return true;
  if (named === 'anonymous') return principal.kind === 'anonymous';
  if (principal.kind === 'anonymous') return false;
  if (named === 'authenticated') return true;
  if (named === 'admin') return principal.isSuperuser;
  if (named.startsWith('group:')) return groups.includes(named.slice('group:'.length));
  return named === `id:${principal.username}` || named === `id:${String(principal.id)}`;
}

/** True when a statement lets the caller do it and none forbids it. */
export function evaluate(statements: readonly PolicyStatement[], action: string, facts: PolicyFacts): boolean {
  const matching = statements.filter(
    (statement) =>
      listOf(statement.action).some((each) => each === '*' || each === action) &&
      listOf(statement.principal).some((each) => isMeant(each, facts)) &&
      conditionsOf(statement).every((condition) =>
        holdsTrue(condition, (name, argument) => CHECKS[name]?.(argument, facts) ?? false),
      ),
  );
  return matching.some(({ effect }) => effect === 'allow') && !matching.some(({ effect }) => effect === 'deny');
}
