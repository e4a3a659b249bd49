import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { announce, ChangeFeed } from '#platform/change-feed.js';
import { breakConnections, createDataSource, databaseTrouble, preparedIn, queryPrepared } from '#platform/database.js';
import { startApi, ROOT } from './api/api-process.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { sha, startRegistry } from './registry/registry-process.js';

/** A way to a database that can fall silent, as a network does that drops every packet. */
async function freezingWay(url: string) {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from.on('error', () => to.destroy()).on('close', () => to.destroy()));
      from.pipe(to);
    }
    if (frozen) near.pause();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  let frozen = false;
  const way = new URL(url);
  way.port = String((server.address() as AddressInfo).port);
  return {
    url: way.href,
    freeze(state: boolean) {
      frozen = state;
      for (const socket of sockets) if (state) socket.unpipe().pause();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('a database that falls silent', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('is noticed by the change feed, which is off until there is an answer again and then misses nothing', async () => {
    const way = await freezingWay(database.url);
    const feed = new ChangeFeed(way.url, { beatMs: 20, answerMs: 300 });
    const [silence, reset, change] = [vi.fn(), vi.fn(), vi.fn()];
    feed.onSilence(silence);
    await feed.start();
    feed.onReset(reset);
    feed.onChange(change);
    way.freeze(true);
    await vi.waitFor(() => expect(feed.connected).toBe(false), 10_000);
    expect(silence).toHaveBeenCalledOnce();
    way.freeze(false);
    await vi.waitFor(() => expect(feed.connected).toBe(true), 10_000);
    expect(reset).toHaveBeenCalledOnce();
    await announce(database.source, 'topic', 'key');
    await vi.waitFor(() => expect(change).toHaveBeenCalledWith({ topic: 'topic', key: 'key' }), 10_000);
    await feed.stop();
    way.close();
  });

  it('keeps nobody waiting whose connections are broken, and is used again without a restart', async () => {
    const source = await createDataSource({ url: database.url, entities: [] }).initialize();
    const forever = 'select pg_sleep(600)';
    const stuck = [
      source.query(forever),
      source.transaction((tx) => tx.query(forever)),
      source.transaction((tx) => preparedIn(tx, 'stuck', forever, [])),
      queryPrepared(source, 'stuck', forever, []),
    ].map((each) => each.catch((error: unknown) => databaseTrouble(error)?.kind));
    const running = `select count(*)::int as n from pg_stat_activity where query = $1 and datname = current_database()`;
    await vi.waitFor(async () => expect(await database.source.query(running, [forever])).toEqual([{ n: 4 }]), 10_000);
    breakConnections(source);
    expect(await Promise.all(stuck)).toEqual(Array.from({ length: 4 }, () => 'unavailable'));
    expect(await source.query('select 1 as one')).toEqual([{ one: 1 }]);
    await source.destroy();
  });
});

/** Lets a database refuse changes, as a standby does after a failover; returns the way to lift that. */
async function standBy(url: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const name = new URL(url).pathname.slice(1);
  const sayToAll = async (what: string) => {
    await client.query(`begin read write; alter database ${name} ${what}; commit`);
    await client.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
  };
  await sayToAll('set default_transaction_read_only = on');
  return async () => {
    await sayToAll('reset default_transaction_read_only');
    await client.end();
  };
}

describe('a database that takes no changes after a failover', () => {
  it('G11 is 503 with a time to come back in the REST API, which goes on reading and recovers by itself', async () => {
    const api = await startApi();
    const make = () => api.request('POST', `${ROOT}/repositories/container/container/`, { name: 'away' });
    const lift = await standBy(api.database.url);
    await vi.waitFor(async () => expect((await api.get(`${ROOT}/repositories/`)).status).toBe(200), 10_000);
    const refused = await make();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    expect(refused.body).toEqual({
      detail: 'The database takes no changes now: it is a standby or read-only; try again.',
    });
    await lift();
    await vi.waitFor(async () => expect((await make()).status).toBe(201), 10_000);
    await api.close();
  });

  it('G11 is 503 with a time to come back for a push', async () => {
    const registry = await startRegistry();
    const body = 'a blob';
    const push = () => registry.request('POST', `/v2/admin/away/blobs/uploads/?digest=${sha(body)}`, { body });
    expect((await push()).status).toBe(201);
    const lift = await standBy(registry.config.databaseUrl!);
    const refused = await push();
    expect([refused.status, refused.code, refused.headers.get('retry-after')]).toEqual([503, 'UNAVAILABLE', '5']);
    await lift();
    await vi.waitFor(async () => expect((await push()).status).toBe(201), 10_000);
    await registry.close();
  });
});
