import { describe, expect, test } from 'vitest';
import { mayTrustRealm, parseChallenge } from './bearer-challenge.js';

describe('a challenge', () => {
  test('is read with quoted commas and escapes', () => {
    const header = 'Bearer realm="https://auth.example.com/t",service="s \\"x\\"",scope="repository:a/b:pull,push"';
    expect(parseChallenge(header)).toEqual({
      scheme: 'bearer',
      parameters: { realm: 'https://auth.example.com/t', service: 's "x"', scope: 'repository:a/b:pull,push' },
    });
  });

  test('of another kind is none', () => {
    expect(parseChallenge('Negotiate')).toBeUndefined();
    expect(parseChallenge(undefined)).toBeUndefined();
    expect(parseChallenge('basic realm=x')).toEqual({ scheme: 'basic', parameters: { realm: 'x' } });
  });
});

describe('a realm', () => {
  const trusts = (upstream: string, realm: string, allowed: string[] = []) =>
    mayTrustRealm(new URL(upstream), new URL(realm), allowed);
  test('is trusted on the same host, in the same domain, or when it is allowed', () => {
    expect(trusts('https://ghcr.io', 'https://ghcr.io/token')).toBe(true);
    expect(trusts('https://registry-1.docker.io', 'https://auth.docker.io/token')).toBe(true);
    expect(trusts('https://a.example.com', 'https://login.other.com', ['login.other.com'])).toBe(true);
  });

  test('is not trusted elsewhere, on a shared suffix, or without TLS', () => {
    expect(trusts('https://a.example.com', 'https://evil.com')).toBe(false);
    expect(trusts('https://a.co.uk', 'https://b.co.uk')).toBe(false);
    expect(trusts('https://mine.azurecr.io', 'https://evil.azurecr.io')).toBe(false);
    expect(trusts('https://ghcr.io', 'http://ghcr.io/token')).toBe(false);
    expect(trusts('http://10.0.0.1', 'http://10.0.0.2')).toBe(false);
  });
});
