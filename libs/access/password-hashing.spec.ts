import { expect, it } from 'vitest';
import { PasswordHasher } from './password-hashing.js';

const options = { algorithm: 2, memoryCost: 1024, timeCost: 1, parallelism: 1 };

it('accepts the password and nothing else', async () => {
  const hasher = new PasswordHasher();
  const stored = await hasher.hash('open sesame');
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await hasher.verify(stored, 'open sesame')).toBe(true);
  expect(await hasher.verify(stored, 'open Sesame')).toBe(false);
  expect(await hasher.verify(stored, '')).toBe(false);
});

it('works as hard for an account that does not exist', async () => {
  const hasher = new PasswordHasher();
  expect(await hasher.verify(null, 'nobody')).toBe(false);
  expect(hasher.computed).toBe(1);
});

it('a thousand sign-ins at once are bounded: the queue fills, the rest is told to come again', async () => {
  const hasher = new PasswordHasher({ options, parallel: 2, waiting: 10 });
  const stored = await hasher.hash('x');
  const results = await Promise.allSettled(Array.from({ length: 1000 }, () => hasher.verify(stored, 'x')));
  const refused = results.filter((result) => result.status === 'rejected');
  expect(results.length - refused.length).toBe(12);
  expect(refused[0]).toMatchObject({ reason: { kind: 'throttled', options: { retryAfter: 1 } } });
  expect(await hasher.verify(stored, 'x')).toBe(true);
});
