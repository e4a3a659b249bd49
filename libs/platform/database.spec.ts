import { expect, it } from 'vitest';
import { databaseTrouble } from './database.js';

const withCode = (code: string) => Object.assign(new Error('no'), { code });

it('a database that is away, starting, full of connections or unreachable is a matter of waiting', () => {
  const codes = ['57P01', '57P03', '08006', '53300', 'ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'EAI_AGAIN'];
  const texts = ['Connection terminated unexpectedly', 'timeout exceeded when trying to connect'];
  for (const error of [...codes.map(withCode), ...texts.map((text) => new Error(text))])
    expect(databaseTrouble(error)).toMatchObject({ kind: 'unavailable', options: { retryAfter: 5 } });
});

it('a standby says that it takes no changes, a full disk that room has to be made', () => {
  expect(databaseTrouble({ driverError: { code: '25006' } })).toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('read-only') as string,
  });
  expect(databaseTrouble(withCode('53100'))).toMatchObject({ kind: 'no-space' });
});

it('mistakes in statements and values are no trouble of the database', () => {
  for (const error of [withCode('42P01'), withCode('23505'), new Error('something else'), undefined])
    expect(databaseTrouble(error)).toBeUndefined();
});
