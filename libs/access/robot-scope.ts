import { invalid } from '#platform/domain-error.js';

/** What a client may do with a repository of the registry. */
export type RegistryAction = 'pull' | 'push' | 'delete' | 'sign';

/** All registry actions. */
export const REGISTRY_ACTIONS: readonly RegistryAction[] = ['pull', 'push', 'delete', 'sign'];

/** Repositories and what a robot may do with them: `*` stands for one path component, or a part of it, `**` for any number. */
export interface RobotScope {
  readonly repository: string;
  readonly actions: readonly RegistryAction[];
}

const COMPONENT = /^(?:\*\*|[a-z0-9*](?:[a-z0-9._*-]*[a-z0-9*])?)$/;
const MOST_SCOPES = 100;

/** Checks scopes that a caller sent; throws on the first that is not usable. */
export function checkScopes(scopes: readonly RobotScope[]): void {
  if (scopes.length === 0) throw invalid('A robot account needs at least one scope.', 'scopes');
  if (scopes.length > MOST_SCOPES)
    throw invalid(`A robot account can have at most ${MOST_SCOPES} scopes; use patterns.`, 'scopes');
  for (const { repository, actions } of scopes) {
    if (repository.length > 255 || !repository.split('/').every((component) => COMPONENT.test(component)))
      throw invalid(`"${repository.slice(0, 255)}" is not a repository or a pattern of repositories.`, 'scopes');
    if (actions.length === 0 || !actions.every((action) => REGISTRY_ACTIONS.includes(action)))
      throw invalid(`The actions of a scope are some of ${REGISTRY_ACTIONS.join(', ')}.`, 'scopes');
  }
}

/** True when the pattern covers the repository path; work is at most pattern × path, whatever they hold. */
export function coversRepository(pattern: string, path: string): boolean {
  return matchSequence(pattern.split('/'), path.split('/'), '**', coversComponent);
}

/** What the scopes allow on a path; a right to push carries pull. */
export function scopedActions(scopes: readonly RobotScope[], path: string): Set<RegistryAction> {
  const actions = new Set(
    scopes.filter(({ repository }) => coversRepository(repository, path)).flatMap((scope) => scope.actions),
  );
  if (actions.has('push')) actions.add('pull');
  return actions;
}

function coversComponent(pattern: string, component: string): boolean {
  if (!pattern.includes('*')) return pattern === component;
  return matchSequence(pattern.split(''), component.split(''), '*', (one, other) => one === other);
}

/** Wildcard matching with one point of return, so that it never explodes. */
function matchSequence(
  pattern: readonly string[],
  input: readonly string[],
  wildcard: string,
  matches: (pattern: string, input: string) => boolean,
): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < input.length;) {
    const expected = pattern[at];
    if (expected === wildcard) {
      star = at++;
      resume = index;
    } else if (expected !== undefined && matches(expected, input[index]!)) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++resume;
    } else return false;
  }
  while (pattern[at] === wildcard) at++;
  return at === pattern.length;
}
