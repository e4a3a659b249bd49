import { describe, expect, it } from 'vitest';
import { LOCKED_ROLES } from './locked-roles.js';
import { PermissionSet } from './permission-set.js';
import { allowedActions, catalogActions, mayDo, type RegistryTarget, type RightsHolder } from './registry-rights.js';
import { REGISTRY_ACTIONS, type RobotScope } from './robot-scope.js';

const NAMESPACE = 'container.containernamespace:1';
const DISTRIBUTION = 'container.containerdistribution:1';
const PULL_THROUGH = 'container.containerpullthroughdistribution:1';

function user(username: string, role?: string, contentObject: string | null = null) {
  const permissions = LOCKED_ROLES.find(({ name }) => name === `container.${role}`)?.permissions ?? [];
  return {
    kind: 'user',
    username,
    permissions: new PermissionSet(username === 'admin', [{ contentObject, permissions }]),
  } as const;
}

function robot(owner: ReturnType<typeof user>, ...scopes: RobotScope[]): RightsHolder {
  return { ...owner, kind: 'robot', scopes };
}

const OBJECTS: Record<string, RegistryTarget> = {
  public: { path: 'team/app', namespaceKey: NAMESPACE, distribution: { key: DISTRIBUTION, private: false } },
  private: { path: 'team/app', namespaceKey: NAMESPACE, distribution: { key: DISTRIBUTION, private: true } },
  absent: { path: 'team/app', namespaceKey: NAMESPACE },
  'new namespace': { path: 'team/app' },
  'pull-through': { path: 'team/app', namespaceKey: NAMESPACE, pullThrough: { key: PULL_THROUGH } },
};

const ALL: RobotScope = { repository: '**', actions: REGISTRY_ACTIONS };
const WHO: Record<string, RightsHolder> = {
  anonymous: { kind: 'anonymous' },
  stranger: user('eve'),
  'consumer of the distribution': user('eve', 'containerdistribution_consumer', DISTRIBUTION),
  'collaborator of the distribution': user('eve', 'containerdistribution_collaborator', DISTRIBUTION),
  'owner of the distribution': user('eve', 'containerdistribution_owner', DISTRIBUTION),
  'consumer of another distribution': user('eve', 'containerdistribution_consumer', `${DISTRIBUTION}9`),
  'consumer of all distributions': user('eve', 'containerdistribution_consumer'),
  'consumer of the namespace': user('eve', 'containernamespace_consumer', NAMESPACE),
  'collaborator of the namespace': user('eve', 'containernamespace_collaborator', NAMESPACE),
  'owner of the namespace': user('eve', 'containernamespace_owner', NAMESPACE),
  'owner of another namespace': user('eve', 'containernamespace_owner', `${NAMESPACE}9`),
  'creator of namespaces': user('eve', 'containernamespace_creator'),
  'user named like the namespace': user('team'),
  'consumer of the pull-through': user('eve', 'containerpullthroughdistribution_consumer', PULL_THROUGH),
  superuser: user('admin'),
  'robot of a superuser, all scopes': robot(user('admin'), ALL),
  'robot of a superuser, pull': robot(user('admin'), { repository: 'team/*', actions: ['pull'] }),
  'robot of a superuser, delete': robot(user('admin'), { repository: 'team/*', actions: ['delete'] }),
  'robot of a superuser, elsewhere': robot(user('admin'), { repository: 'other/**', actions: REGISTRY_ACTIONS }),
  'robot of a stranger, all scopes': robot(user('eve'), ALL),
  'robot of a collaborator, all scopes': robot(user('eve', 'containernamespace_collaborator', NAMESPACE), ALL),
};

/** `-` nothing, `r` pull, `d` delete, `w` everything. */
const MATRIX: [keyof typeof WHO, ...string[]][] = [
  ['', 'public', 'private', 'absent', 'new namespace', 'pull-through'],
  ['anonymous', 'r', '-', '-', '-', '-'],
  ['stranger', 'r', '-', '-', '-', '-'],
  ['consumer of the distribution', 'r', 'r', '-', '-', '-'],
  ['collaborator of the distribution', 'w', 'w', '-', '-', '-'],
  ['owner of the distribution', 'w', 'w', '-', '-', '-'],
  ['consumer of another distribution', 'r', '-', '-', '-', '-'],
  ['consumer of all distributions', 'r', 'r', '-', '-', '-'],
  ['consumer of the namespace', 'r', 'r', 'r', '-', 'r'],
  ['collaborator of the namespace', 'w', 'w', 'w', '-', 'w'],
  ['owner of the namespace', 'w', 'w', 'w', '-', 'w'],
  ['owner of another namespace', 'r', '-', '-', '-', '-'],
  ['creator of namespaces', 'r', '-', '-', 'w', '-'],
  ['user named like the namespace', 'r', '-', '-', 'w', '-'],
  ['consumer of the pull-through', 'r', '-', '-', '-', 'r'],
  ['superuser', 'w', 'w', 'w', 'w', 'w'],
  ['robot of a superuser, all scopes', 'w', 'w', 'w', 'w', 'w'],
  ['robot of a superuser, pull', 'r', 'r', 'r', 'r', 'r'],
  ['robot of a superuser, delete', 'rd', 'd', 'd', 'd', 'd'],
  ['robot of a superuser, elsewhere', 'r', '-', '-', '-', '-'],
  ['robot of a stranger, all scopes', 'r', '-', '-', '-', '-'],
  ['robot of a collaborator, all scopes', 'w', 'w', 'w', '-', 'w'],
];

const MEANING: Record<string, readonly string[]> = { r: ['pull'], d: ['delete'], w: REGISTRY_ACTIONS };
const [, ...columns] = MATRIX[0]!;
const CASES = MATRIX.slice(1).flatMap(([who, ...cells]) =>
  cells.flatMap((cell, column) =>
    REGISTRY_ACTIONS.map((action) => ({
      who,
      object: columns[column]!,
      action,
      expected: cell.split('').some((letter) => MEANING[letter]?.includes(action)),
    })),
  ),
);

describe('who may do what with a repository', () => {
  it.each(CASES)('$who, $object, $action: $expected', ({ who, object, action, expected }) => {
    expect(mayDo(WHO[who]!, OBJECTS[object]!, action)).toBe(expected);
    const granted = allowedActions(WHO[who]!, OBJECTS[object]!, REGISTRY_ACTIONS);
    expect(granted.includes(action)).toBe(expected);
  });
});

it('asking for more than there is gives what is allowed', () => {
  const who = WHO['consumer of the distribution']!;
  expect(allowedActions(who, OBJECTS['private']!, ['pull', 'push', '*', 'own', '__proto__'])).toEqual(['pull']);
  expect(allowedActions(WHO['superuser']!, OBJECTS['private']!, ['*'])).toEqual([]);
  expect(allowedActions(WHO['superuser']!, OBJECTS['private']!, [])).toEqual([]);
});

it('a right to push brings pull along', () => {
  expect(allowedActions(WHO['superuser']!, OBJECTS['private']!, ['push'])).toEqual(['pull', 'push']);
  expect(allowedActions(WHO['stranger']!, OBJECTS['private']!, ['push'])).toEqual([]);
});

it('with anonymous push anybody may write, but not reach what is private', () => {
  const open = { anonymousPush: true };
  for (const object of ['public', 'absent', 'new namespace'])
    expect(allowedActions({ kind: 'anonymous' }, OBJECTS[object]!, ['push'], open)).toEqual(['pull', 'push']);
  expect(allowedActions({ kind: 'anonymous' }, OBJECTS['private']!, ['pull', 'push'], open)).toEqual([]);
});

it('what is private and what is absent look the same to who may not see it', () => {
  for (const who of ['anonymous', 'stranger', 'owner of another namespace'])
    for (const action of REGISTRY_ACTIONS)
      expect(mayDo(WHO[who]!, OBJECTS['private']!, action)).toBe(mayDo(WHO[who]!, OBJECTS['absent']!, action));
});

it('the catalog is for everybody with an account', () => {
  expect(catalogActions({ kind: 'anonymous' }, ['*'])).toEqual([]);
  expect(catalogActions(WHO['stranger']!, ['*'])).toEqual(['*']);
  expect(catalogActions(WHO['stranger']!, ['pull'])).toEqual([]);
});
