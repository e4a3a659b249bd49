import type { PermissionSet } from './permission-set.js';
import { REGISTRY_ACTIONS, scopedActions, type RegistryAction, type RobotScope } from './robot-scope.js';

/** Who asks. A robot is its owner, seen through its scopes. */
export type RightsHolder =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'user'; readonly username: string; readonly permissions: PermissionSet }
  | {
      readonly kind: 'robot';
      readonly username: string;
      readonly permissions: PermissionSet;
      readonly scopes: readonly RobotScope[];
    };

/** What is asked about: a path, and what is known to stand there. */
export interface RegistryTarget {
  /** The whole repository name. */
  readonly path: string;
  /** Object key of the namespace (first component of the path); absent: there is none yet. */
  readonly namespaceKey?: string | undefined;
  /** The distribution with exactly this path; absent: there is none yet. */
  readonly distribution?: { readonly key: string; readonly private: boolean } | undefined;
  /** The pull-through distribution whose path is a prefix of this one. */
  readonly pullThrough?: { readonly key: string } | undefined;
}

/** Settings that change decisions. */
export interface RightsPolicy {
  readonly anonymousPush: boolean;
}

const STRICT: RightsPolicy = { anonymousPush: false };

/**
 * The requested actions that are allowed; a push that is allowed brings pull along. What is missing and what is hidden
 * give the same answer.
 */
export function allowedActions(
  who: RightsHolder,
  target: RegistryTarget,
  requested: readonly string[],
  policy: RightsPolicy = STRICT,
): RegistryAction[] {
  const push = mayPush(who, target) || openToPush(target, policy);
  const rights: Record<RegistryAction, boolean> = {
    pull: push || mayPull(who, target),
    push,
    delete: push,
    sign: push,
  };
  const scoped = who.kind === 'robot' ? scopedActions(who.scopes, target.path) : undefined;
  const allowed = (action: RegistryAction) =>
    (action === 'pull' && isPublic(target)) || (rights[action] && (scoped?.has(action) ?? true));
  const wanted = new Set(requested);
  if (wanted.has('push') && allowed('push')) wanted.add('pull');
  return REGISTRY_ACTIONS.filter((action) => wanted.has(action) && allowed(action));
}

/** True when the one action is allowed. */
export function mayDo(
  who: RightsHolder,
  target: RegistryTarget,
  action: RegistryAction,
  policy: RightsPolicy = STRICT,
): boolean {
  return allowedActions(who, target, [action], policy).includes(action);
}

/** Actions on `registry:catalog`: everybody with an account may ask; what he sees is decided for each repository. */
export function catalogActions(who: RightsHolder, requested: readonly string[]): string[] {
  return who.kind !== 'anonymous' && requested.includes('*') ? ['*'] : [];
}

/** What is public, everybody may pull: a robot too, whatever its scopes. */
function isPublic(target: RegistryTarget): boolean {
  return target.distribution !== undefined && !target.distribution.private;
}

function mayPull(who: RightsHolder, target: RegistryTarget): boolean {
  if (who.kind === 'anonymous') return false;
  if (mayPullNew(who, target)) return true;
  const { permissions } = who;
  if (target.distribution)
    return (
      permissions.has('container.pull_containerdistribution', target.distribution.key) ||
      inNamespace(who, target, 'container.namespace_pull_containerdistribution')
    );
  if (target.namespaceKey === undefined) return mayCreateNamespace(who, target);
  return permissions.has('container.view_containernamespace', target.namespaceKey);
}

function mayPullNew(who: Exclude<RightsHolder, { kind: 'anonymous' }>, target: RegistryTarget): boolean {
  if (!target.pullThrough) return false;
  return (
    who.permissions.has('container.pull_new_containerdistribution', target.pullThrough.key) ||
    inNamespace(who, target, 'container.namespace_add_containerdistribution')
  );
}

function mayPush(who: RightsHolder, target: RegistryTarget): boolean {
  if (who.kind === 'anonymous') return false;
  if (target.distribution)
    return (
      who.permissions.has('container.push_containerdistribution', target.distribution.key) ||
      inNamespace(who, target, 'container.namespace_push_containerdistribution')
    );
  return target.namespaceKey === undefined
    ? mayCreateNamespace(who, target)
    : inNamespace(who, target, 'container.namespace_add_containerdistribution');
}

function mayCreateNamespace(who: Exclude<RightsHolder, { kind: 'anonymous' }>, target: RegistryTarget): boolean {
  return who.permissions.has('container.add_containernamespace') || who.username === target.path.split('/', 1)[0];
}

function inNamespace(
  who: Exclude<RightsHolder, { kind: 'anonymous' }>,
  target: RegistryTarget,
  permission: string,
): boolean {
  return target.namespaceKey !== undefined && who.permissions.has(permission, target.namespaceKey);
}

/** Anonymous push never opens what was made private. */
function openToPush(target: RegistryTarget, policy: RightsPolicy): boolean {
  return policy.anonymousPush && !target.distribution?.private;
}
