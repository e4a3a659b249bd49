import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BlobBytes } from '#content/bytes/blob-bytes.js';
import { findBlob, type FoundBlob } from '#content/read/find-manifest.js';
import { createDataSource } from '#platform/database.js';
import { RemoteRegistries } from '#transfer/remote-registry/remote-registries.js';
import type { RemoteEntity } from '#transfer/remotes/remote.entity.js';
import { BlobFetcher } from '#transfer/sync/blob-fetcher.js';
import { entities } from '../../migrations/entities.js';
import { FakeUpstream } from './fake-upstream.js';
import { makeImage, type MadeImage } from './push-http.js';
import { type SyncBench, startBench } from './syncing.js';

let bench: SyncBench;
let fetcher: BlobFetcher;
let registries: RemoteRegistries;
let upstream: FakeUpstream;
let image: MadeImage;
let repository: string;
beforeAll(async () => {
  bench = await startBench();
  registries = new RemoteRegistries(bench.config);
  fetcher = new BlobFetcher(bench.source, bench.store, bench.config, registries);
});
beforeEach(async () => {
  upstream = await FakeUpstream.start();
  image = upstream.add(makeImage({ layers: [randomBytes(600_000)] }), 'one');
  repository = await bench.makeRepository();
  return () => upstream.stop();
});
afterAll(async () => {
  registries.onApplicationShutdown();
  await bench.stop();
});

const layer = () => image.blobs[1]!;
const findLayer = async () =>
  (await findBlob(bench.source, { repositoryId: repository, pinned: null }, layer().digest)) as FoundBlob;
const syncWith = async (policy: RemoteEntity['policy']) => {
  const remote = await bench.makeRemote({ url: upstream.url, policy, maxRetries: 0 });
  await bench.sync(repository, remote);
  return remote;
};

async function read(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a sync that leaves layers upstream', () => {
  test('fetches configs only, and a layer at its first pull, once', async () => {
    await syncWith('on_demand');
    expect(await bench.head(repository)).toMatchObject({ present: { blob: 2, manifest: 1, tag: 1 } });
    expect(upstream.requests).not.toContain(`GET /v2/team/app/blobs/${layer().digest}`);
    const blob = await findLayer();
    expect(blob).toMatchObject({ stored: false, size: layer().bytes.length });
    expect(await read(await fetcher.fetch(blob))).toEqual(layer().bytes);
    expect(await findLayer()).toMatchObject({ stored: true });
    expect(await read(await fetcher.fetch(blob))).toEqual(layer().bytes);
    expect(upstream.requests.filter((line) => line.endsWith(layer().digest) && line.includes('/blobs/'))).toHaveLength(
      1,
    );
  });

  test('streams without storing when the remote says so', async () => {
    await syncWith('streamed');
    expect(await read(await fetcher.fetch(await findLayer()))).toEqual(layer().bytes);
    expect(await findLayer()).toMatchObject({ stored: false });
    expect(await bench.store.size(layer().digest)).toBeUndefined();
  });

  test('gives the first bytes before the upstream has sent the last', async () => {
    await syncWith('on_demand');
    let finish = () => {};
    upstream.on(/GET .*\/blobs\//, (_request, response) => {
      response.writeHead(200, { 'content-length': layer().bytes.length });
      response.write(layer().bytes.subarray(0, 300_000));
      finish = () => response.end(layer().bytes.subarray(300_000));
    });
    const stream = await fetcher.fetch(await findLayer());
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (chunks.length === 0) finish();
      chunks.push(chunk);
    }
    expect(Buffer.concat(chunks)).toEqual(layer().bytes);
  });

  test('breaks the stream off and stores nothing when the bytes are wrong', async () => {
    await syncWith('on_demand');
    upstream.on(/GET .*\/blobs\//, (_request, response) => void response.end(randomBytes(layer().bytes.length)));
    await expect(read(await fetcher.fetch(await findLayer()))).rejects.toThrow(/have the digest|wrong bytes/);
    expect(await findLayer()).toMatchObject({ stored: false });
    upstream.calm();
    expect(await read(await fetcher.fetch(await findLayer()))).toEqual(layer().bytes);
  });

  test('serves many first pulls at once and stores when a reader leaves', async () => {
    await syncWith('on_demand');
    const blob = await findLayer();
    const streams = await Promise.all([1, 2, 3].map(() => fetcher.fetch(blob)));
    streams[0]!.destroy();
    const rest = await Promise.all(streams.slice(1).map(read));
    expect(rest).toEqual([layer().bytes, layer().bytes]);
    await expect.poll(async () => (await findLayer()).stored).toBe(true);
  });

  test('gets the layers when the remote is switched to immediate', async () => {
    const remote = await syncWith('on_demand');
    await bench.source.query(`update remote set policy = 'immediate' where id = $1`, [remote.id]);
    const result = await bench.sync(repository, remote);
    expect(result).toMatchObject({ changed: false, fetched: { blobs: 1 } });
    expect(await findLayer()).toMatchObject({ stored: true });
  });

  test('stores a layer with one connection to the database, so that many who do never wait for each other', async () => {
    await syncWith('on_demand');
    const { url } = bench.source.options as { readonly url: string };
    const source = await createDataSource({ url, entities, poolSize: 1 }).initialize();
    try {
      const alone = new BlobFetcher(source, new BlobBytes(bench.store, source), bench.config, registries);
      expect(await read(await alone.fetch(await findLayer()))).toEqual(layer().bytes);
      expect(await findLayer()).toMatchObject({ stored: true });
    } finally {
      await source.destroy();
    }
  });

  test('says what is wrong when the upstream is away', async () => {
    await syncWith('on_demand');
    upstream.on(/GET .*\/blobs\//, (_request, response) => {
      response.writeHead(503);
      response.end();
    });
    await expect(fetcher.fetch(await findLayer())).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
