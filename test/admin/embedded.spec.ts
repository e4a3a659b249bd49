import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findEmbeddedPostgres, startEmbeddedPostgres } from '#platform/embedded-postgres.js';
import { hallmark } from './run.js';

let data: string;
let folder: string;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'hallmark-admin-'));
  folder = join(data, 'postgres');
});
afterAll(() => rm(data, { recursive: true, force: true }));

const run = (...argv: string[]) => hallmark({ HALLMARK_DATA_DIR: data }, ...argv);

it('without a server the command starts the database, fills it the first time, and stops it', async () => {
  const first = await run('list-signing-services');
  expect(first).toMatchObject({
    code: 0,
    out: '',
    notes: expect.stringMatching(/The account admin was made\. .*: \S+$/),
  });
  expect(await findEmbeddedPostgres(folder)).toBeUndefined();
  expect(await run('list-signing-services')).toEqual({ code: 0, out: '', notes: '' });
  expect((await run('migrate')).out).toBe('The database is at this version.');
  expect(await findEmbeddedPostgres(folder)).toBeUndefined();
});

it('beside a server the command uses its database and leaves it running', async () => {
  const server = await startEmbeddedPostgres(folder);
  expect((await run('list-signing-services')).code).toBe(0);
  expect(await findEmbeddedPostgres(folder)).toBe(server.url);
  await server.stop();
  expect(await findEmbeddedPostgres(folder)).toBeUndefined();
});

it('a server that starts while a command has the database keeps it when the command ends', async () => {
  const command = await startEmbeddedPostgres(folder);
  const server = await startEmbeddedPostgres(folder);
  expect([command.adopted, server.adopted]).toEqual([false, true]);
  await command.stop();
  expect(await findEmbeddedPostgres(folder)).toBe(server.url);
  await server.stop();
  expect(await findEmbeddedPostgres(folder)).toBeUndefined();
});

it('many that start and stop at the same time all find it running', async () => {
  const codes = await Promise.all(Array.from({ length: 3 }, () => run('list-signing-services')));
  expect(codes.map(({ code, notes }) => [code, notes])).toEqual([
    [0, ''],
    [0, ''],
    [0, ''],
  ]);
  expect(await findEmbeddedPostgres(folder)).toBeUndefined();
});
