import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { run, startStandalone } from '../main-path/standalone-process.js';

const ROOT = resolve(import.meta.dirname, '../..');

it('a first start that finds its port taken has shown the password that it made up', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'hallmark-first-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
  onTestFinished(() => void taken.close());
  const program = ['--import', join(ROOT, 'test/tasks/typescript-hooks.mjs'), join(ROOT, 'apps/standalone/main.ts')];
  const first = await run(process.execPath, program, {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '/',
    HALLMARK_DATA_DIR: dataDir,
    HALLMARK_PORT: String((taken.address() as AddressInfo).port),
  });
  expect(first).toMatchObject({ code: 1, stderr: expect.stringContaining('set HALLMARK_PORT') });
  const password = /admin's password +(\S+)/.exec(first.stdout)?.[1];

  const second = await startStandalone({ HALLMARK_DATA_DIR: dataDir });
  onTestFinished(() => second.stop());
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
  const answer = await fetch(`${second.url}/pulp/api/v3/users/`, { headers: { authorization } });
  expect(answer.status).toBe(200);
}, 120_000);
