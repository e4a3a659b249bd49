import { expect, it } from 'vitest';
import { checkScopes, coversRepository, scopedActions, type RobotScope } from './robot-scope.js';

it.each([
  ['team/app', 'team/app', true],
  ['team/app', 'team/app2', false],
  ['team/app', 'team/app/sub', false],
  ['team/*', 'team/app', true],
  ['team/*', 'team', false],
  ['team/*', 'team/app/sub', false],
  ['team/**', 'team/app/sub', true],
  ['team/**', 'teams/app', false],
  ['**', 'any/thing/at/all', true],
  ['**/app', 'team/x/app', true],
  ['**/app', 'team/x/app2', false],
  ['team/app-*', 'team/app-1', true],
  ['team/app-*', 'team/app', false],
  ['*/ci/**/cache', 'a/ci/b/c/cache', true],
  ['*', 'a', true],
  ['*', 'a/b', false],
])('the pattern %s covers %s: %s', (pattern, path, expected) => {
  expect(coversRepository(pattern, path)).toBe(expected);
});

it('matches a pattern full of wildcards quickly', () => {
  const started = performance.now();
  expect(coversRepository(`${'*a'.repeat(60)}b`, 'a'.repeat(200))).toBe(false);
  expect(coversRepository('**/a/'.repeat(40) + 'b', 'a/'.repeat(120) + 'c')).toBe(false);
  expect(performance.now() - started).toBeLessThan(200);
});

it('gives pull with push and nothing outside of the patterns', () => {
  const scopes: RobotScope[] = [
    { repository: 'team/*', actions: ['push'] },
    { repository: 'team/app', actions: ['delete'] },
  ];
  expect([...scopedActions(scopes, 'team/app')].toSorted()).toEqual(['delete', 'pull', 'push']);
  expect([...scopedActions(scopes, 'team/other')].toSorted()).toEqual(['pull', 'push']);
  expect(scopedActions(scopes, 'other/app').size).toBe(0);
});

it.each([
  ['no scope', []],
  ['an upper case name', [{ repository: 'Team/App', actions: ['pull'] }]],
  ['an empty component', [{ repository: 'team//app', actions: ['pull'] }]],
  ['no action', [{ repository: 'team/app', actions: [] }]],
  ['an unknown action', [{ repository: 'team/app', actions: ['own'] }]],
  ['too many', Array.from({ length: 101 }, () => ({ repository: 'a', actions: ['pull'] }))],
])('refuses scopes with %s', (_why, scopes) => {
  expect(() => checkScopes(scopes as RobotScope[])).toThrow(expect.objectContaining({ kind: 'invalid' }));
});

it('accepts exact paths and patterns', () => {
  expect(() =>
    checkScopes([
      { repository: 'team/app', actions: ['pull', 'sign'] },
      { repository: 'team/**', actions: ['push', 'delete'] },
      { repository: 'a__b/c--d/app-*', actions: ['pull'] },
    ]),
  ).not.toThrow();
});
