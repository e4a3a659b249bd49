import { describe, expect, it } from 'vitest';
import { firstAt, parseJsonPath } from './json-path.js';

describe('paths of jq', () => {
  const json = {
    identity: { org_id: '42', 'a b': 'spaced', 'a|b"': 'odd', none: null },
    roles: ['admin', 'user'],
    people: [{}, { name: 'ann' }],
    text: 'x',
  };
  it.each([
    ['.identity.org_id', '42'],
    ['.identity | .org_id', '42'],
    ['.["identity"]["a b"]', 'spaced'],
    [String.raw`.identity."a|b\""`, 'odd'],
    ['.roles[0]', 'admin'],
    ['.roles[-1]', 'user'],
    ['.roles.[1]', 'user'],
    ['.roles[]', 'admin'],
    ['. | .text', 'x'],
    ['.', json],
  ])('%s finds its value', (filter, value) => {
    expect(firstAt(parseJsonPath(filter), json)).toEqual(value);
  });

  it.each([
    ['.nothing', null],
    ['.nothing.below', null],
    ['.identity.none.below', null],
    ['.roles[7]', null],
    // The first of several values is the first one's, not the first that is there.
    ['.people[].name', null],
    ['.roles.name', undefined],
    ['.identity[0]', undefined],
    ['.text.length', undefined],
    ['.identity.constructor', null],
  ])('%s finds nothing', (filter, value) => {
    expect(firstAt(parseJsonPath(filter), json)).toEqual(value);
  });

  it.each([
    '',
    'org_id',
    '.a |',
    '| .a',
    '.a..b',
    '.a[',
    '.a["]',
    '.a + .b',
    'def f: f; f',
    '..',
    `.${'a'.repeat(2000)}`,
  ])('%s is refused', (filter) => {
    expect(() => parseJsonPath(filter)).toThrow('Only paths of jq are understood');
  });
});
