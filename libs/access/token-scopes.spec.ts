import { expect, it } from 'vitest';
import { parseScopes } from './token-scopes.js';

it.each([
  ['repository:team/app:pull', [{ type: 'repository', name: 'team/app', actions: ['pull'] }]],
  ['repository:app:pull,push', [{ type: 'repository', name: 'app', actions: ['pull', 'push'] }]],
  ['repository:host:5000/team/app:pull', [{ type: 'repository', name: 'host:5000/team/app', actions: ['pull'] }]],
  ['repository(plugin):app:pull', [{ type: 'repository', name: 'app', actions: ['pull'] }]],
  ['registry:catalog:*', [{ type: 'registry', name: 'catalog', actions: ['*'] }]],
  ['repository:app:', [{ type: 'repository', name: 'app', actions: [] }]],
  [
    'repository:a:pull repository:b:push',
    [
      { type: 'repository', name: 'a', actions: ['pull'] },
      { type: 'repository', name: 'b', actions: ['push'] },
    ],
  ],
])('reads %s', (text, expected) => {
  expect(parseScopes([text])).toEqual(expected);
});

it('joins scopes that ask for one name twice', () => {
  expect(parseScopes(['repository:a:pull', 'repository:a:push,pull'])).toEqual([
    { type: 'repository', name: 'a', actions: ['pull', 'push'] },
  ]);
});

it.each(['', ' ', 'repository', 'repository:app', ':app:pull', 'repository::pull', '::'])(
  'leaves out "%s", which asks for nothing',
  (text) => {
    expect(parseScopes([text])).toEqual([]);
  },
);

it('refuses a thousand scopes and a scope without end', () => {
  const many = Array.from({ length: 1000 }, (_each, index) => `repository:r${index}:pull`);
  expect(() => parseScopes(many)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  expect(() => parseScopes([many.join(' ')])).toThrow(expect.objectContaining({ kind: 'invalid' }));
  expect(() => parseScopes([`repository:${'a'.repeat(2000)}:pull`])).toThrow(
    expect.objectContaining({ kind: 'invalid' }),
  );
});
