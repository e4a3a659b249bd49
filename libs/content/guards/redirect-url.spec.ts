import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { requireSignedRedirect, signRedirect } from './redirect-url.js';

describe('URLs of a content redirect guard', () => {
  const secret = randomBytes(32);

  it('let their holder pass for an hour', () => {
    const now = Date.now();
    for (const url of ['/pulp/container/a/b', '/pulp/container/a/b?x=1']) {
      const signed = signRedirect(url, secret, now);
      expect(() => requireSignedRedirect(signed, secret, now + 3_500_000)).not.toThrow();
      expect(() => requireSignedRedirect(signed, secret, now + 3_700_000)).toThrow('Authentication expired');
    }
  });

  it('are worth nothing when anything of them is changed', () => {
    const signed = signRedirect('/pulp/container/a/b', secret);
    const changed = [
      '/pulp/container/a/b',
      signed.replace('/a/b', '/a/c'),
      signed.replace(/expires=\d+/, 'expires=99999999999'),
      signed.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
    ];
    for (const url of changed) expect(() => requireSignedRedirect(url, secret)).toThrow('Access not authenticated');
    expect(() => requireSignedRedirect(signed, randomBytes(32))).toThrow('Access not authenticated');
  });
});
