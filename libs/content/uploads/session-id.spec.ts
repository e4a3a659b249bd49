import { describe, expect, it } from 'vitest';
import { isUuid } from '#platform/identifiers.js';
import { makeSessionId, readSessionId } from './session-id.js';

const OWNER = { repositoryId: 'a repository', principal: 'user:1' };
const NOW = Date.UTC(2026, 10, 22, 3, 4, 5, 678);

describe('the id of an upload session', () => {
  it.each(['sha256', 'sha512'] as const)('says that it was started, when, and for %s', (algorithm) => {
    const id = makeSessionId('secret', OWNER, algorithm, NOW);
    expect([isUuid(id), id[14], '89ab'.includes(id[19]!)]).toEqual([true, '8', true]);
    expect(readSessionId(['newer', 'secret'], id, OWNER)).toEqual({ algorithm, at: NOW - 678 });
  });

  it('is nothing with another secret, in another repository or from somebody else', () => {
    const id = makeSessionId('secret', OWNER, 'sha256');
    expect(readSessionId(['other'], id, OWNER)).toBeUndefined();
    expect(readSessionId([], id, OWNER)).toBeUndefined();
    expect(readSessionId(['secret'], id, { ...OWNER, repositoryId: 'another' })).toBeUndefined();
    expect(readSessionId(['secret'], id, { ...OWNER, principal: 'user:2' })).toBeUndefined();
  });

  it('is nothing when any digit of it is another one, or when it is no UUID', () => {
    const id = makeSessionId('secret', OWNER, 'sha256');
    for (const [at, digit] of id.split('').entries()) {
      if (digit === '-') continue;
      const changed = id.slice(0, at) + (digit === '0' ? '1' : '0') + id.slice(at + 1);
      expect(readSessionId(['secret'], changed, OWNER)).toBeUndefined();
    }
    for (const odd of ['', `${id}0`, id.slice(1), 'ü'.repeat(36)])
      expect(readSessionId(['secret'], odd, OWNER)).toBeUndefined();
  });

  it('is never the same twice', () => {
    const ids = Array.from({ length: 1000 }, () => makeSessionId('secret', OWNER, 'sha256', NOW));
    expect(new Set(ids).size).toBe(1000);
  });
});
