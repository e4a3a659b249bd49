import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDataSource } from '#platform/database.js';
import { findEmbeddedPostgres, startEmbeddedPostgres } from '#platform/embedded-postgres.js';
import { FileStore } from '#storage/file-store.js';
import { entities } from '../../migrations/entities.js';
import { brokenInvariants } from '../content/invariants.js';
import { type AppProcess, howRun, startApp } from '../deploy/app-process.js';
import { lostOf, nothing, pushUntilCut } from './pushing.js';
import { freePorts } from '../free-port.js';

const PASSWORD = 'kill me';
const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;
const API = '/pulp/api/v3';

let dataDir: string;
let port: number;
let app: AppProcess;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'hallmark-kill-'));
  [port] = (await freePorts(1)) as [number];
});
afterAll(async () => {
  await app?.end('SIGKILL');
  // A killed process leaves the database running; whoever comes last stops it.
  await (await startEmbeddedPostgres(join(dataDir, 'postgres'))).stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(what: string, settings: Record<string, string> = {}): Promise<void> {
  const started = performance.now();
  app = startApp('standalone', port, {
    HALLMARK_DATA_DIR: dataDir,
    HALLMARK_ADMIN_PASSWORD: PASSWORD,
    ...settings,
  });
  await app.ready();
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${what}: ready after ${seconds.toFixed(1)} s (${howRun()})\n`);
}

const base = () => `${app.url}/v2/kill/app`;
const postgresPid = () => readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0];

async function withDatabase<T>(work: (source: ReturnType<typeof createDataSource>) => Promise<T>): Promise<T> {
  const url = (await findEmbeddedPostgres(join(dataDir, 'postgres')))!;
  const source = await createDataSource({ url, poolSize: 2, entities }).initialize();
  try {
    return await work(source);
  } finally {
    await source.destroy();
  }
}

describe('a standalone that is killed', () => {
  const kept = nothing();

  it('keeps every manifest and blob that it acknowledged, however often it is killed in the middle of pushes', async () => {
    await start('first start');
    for (let round = 0; round < 3; round += 1) {
      const stop = { done: false };
      const clients = [0, 1, 2, 3].map((client) =>
        pushUntilCut(base(), authorization, kept, `r${round}-c${client}`, stop),
      );
      const before = kept.manifests.size;
      await waitFor(() => kept.manifests.size >= before + 10);
      await sleep(Math.random() * 100);
      const postgres = postgresPid();
      expect(await app.end('SIGKILL')).toBe('SIGKILL');
      stop.done = true;
      await Promise.all(clients);
      await start(`start ${round + 2}, after kill -9`);
      // The database went on and was taken over.
      expect(postgresPid()).toBe(postgres);
      expect(await lostOf(base(), authorization, kept)).toEqual([]);
      expect(await withDatabase((source) => brokenInvariants(source, new FileStore(dataDir)))).toEqual([]);
    }
    process.stdout.write(
      `${kept.manifests.size} manifests and ${kept.blobs.size} blobs were acknowledged, none was lost\n`,
    );
  }, 240_000);

  it('ends every task that it had taken on, after the next start', async () => {
    const hrefs: string[] = [];
    const ask = async () => {
      for (let at = 0; ; at += 1) {
        const answer = await fetch(`${app.url}${API}/orphans/cleanup/`, {
          method: 'POST',
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify({ orphan_protection_time: 0 }),
        });
        if (answer.status !== 202) throw new Error(`${answer.status}: ${await answer.text()}`);
        hrefs.push(((await answer.json()) as { task: string }).task);
      }
    };
    const asking = ask().catch((error: unknown) => error);
    await waitFor(() => hrefs.length >= 8);
    await app.end('SIGKILL');
    expect(String(await asking)).toContain('fetch failed');
    await start('start after kill -9 in the middle of tasks');
    const state = async (href: string) =>
      ((await (await fetch(app.url + href, { headers: { authorization } })).json()) as { state: string }).state;
    const killed = performance.now();
    for (const href of hrefs)
      while (!['completed', 'failed'].includes(await state(href))) {
        if (performance.now() - killed > 30_000) throw new Error(`${href} is ${await state(href)}`);
        await sleep(100);
      }
    const states = await Promise.all(hrefs.map(state));
    expect(new Set(states)).toEqual(new Set(['completed']));
    expect(await lostOf(base(), authorization, kept)).toEqual([]);
  }, 120_000);

  it('starts again when the database was killed with it', async () => {
    const stop = { done: false };
    const client = pushUntilCut(base(), authorization, kept, 'both', stop);
    const before = kept.manifests.size;
    await waitFor(() => kept.manifests.size >= before + 3);
    process.kill(Number(postgresPid()), 'SIGKILL');
    await app.end('SIGKILL');
    stop.done = true;
    await client;
    await start('start after kill -9 of both');
    expect(await lostOf(base(), authorization, kept)).toEqual([]);
    expect(await withDatabase((source) => brokenInvariants(source, new FileStore(dataDir)))).toEqual([]);
  }, 120_000);
});

describe('a standalone that is stopped', () => {
  it('answers the request that is running, stops its database and ends with 0', async () => {
    const body = slowBody();
    const started = await fetch(`${base()}/blobs/uploads/`, { method: 'POST', headers: { authorization } });
    const slow = fetch(new URL(started.headers.get('location')!, base()), {
      method: 'PATCH',
      headers: { authorization, 'content-type': 'application/octet-stream' },
      body,
      duplex: 'half',
    } as RequestInit);
    await sleep(400);
    const stopping = performance.now();
    const ended = app.end('SIGTERM');
    expect((await slow).status).toBe(202);
    expect(await ended).toBe(0);
    process.stdout.write(`stopped after ${((performance.now() - stopping) / 1000).toFixed(1)} s\n`);
    expect(await findEmbeddedPostgres(join(dataDir, 'postgres'))).toBeUndefined();
  }, 60_000);

  it('ends at once on a second signal', async () => {
    await start('start after a clean stop', { HALLMARK_METRICS: 'false' });
    expect((await fetch(`${app.url}/metrics`)).status).toBe(404);
    expect((await fetch(`${app.url}/livez`)).status).toBe(200);
    const started = await fetch(`${base()}/blobs/uploads/`, { method: 'POST', headers: { authorization } });
    const endless = fetch(new URL(started.headers.get('location')!, base()), {
      method: 'PATCH',
      headers: { authorization, 'content-type': 'application/octet-stream' },
      body: slowBody(1000),
      duplex: 'half',
    } as RequestInit).catch(() => 'cut');
    await sleep(400);
    const first = app.end('SIGTERM');
    await sleep(500);
    const since = performance.now();
    expect(await app.end('SIGTERM')).toBe(1);
    expect(performance.now() - since).toBeLessThan(2_000);
    expect(await first).toBe(1);
    expect(await endless).toBe('cut');
  }, 60_000);
});

/** A body that comes in pieces, one each 200 ms. */
function slowBody(pieces = 8): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      await sleep(200);
      controller.enqueue(Buffer.alloc(1000));
      sent += 1;
      if (sent >= pieces) controller.close();
    },
  });
}

async function waitFor(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !condition(); await sleep(5))
    if (Date.now() > deadline) throw new Error('it did not come to that');
}
