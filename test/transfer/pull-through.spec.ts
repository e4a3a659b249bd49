import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findByTag, findBlob } from '#content/read/find-manifest.js';
import { findSignatures } from '#content/read/find-referrers.js';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { PullThrough } from '#transfer/pull-through/pull-through.js';
import { RemoteRegistries } from '#transfer/remote-registry/remote-registries.js';
import type { RemoteEntity } from '#transfer/remotes/remote.entity.js';
import { FakeUpstream } from './fake-upstream.js';
import { simpleSigner } from './keys.js';
import { makeImage, makeIndex } from './push-http.js';
import { type SyncBench, startBench } from './syncing.js';

let bench: SyncBench;
let upstream: FakeUpstream;
let pullThrough: PullThrough;
let registries: RemoteRegistries;
let base: string;
let remote: RemoteEntity;
beforeAll(async () => {
  bench = await startBench();
});
beforeEach(async () => {
  upstream = await FakeUpstream.start();
  registries = new RemoteRegistries(bench.config);
  pullThrough = new PullThrough(bench.source, bench.store, bench.config, registries);
  base = `cache-${newId()}`;
  remote = await bench.makeRemote({
    url: upstream.url,
    type: 'pull-through',
    upstreamName: null,
    policy: 'on_demand',
    maxRetries: 0,
  });
  await addPrefix(base);
  return async () => {
    registries.onApplicationShutdown();
    await upstream.stop();
  };
});
afterAll(() => bench.stop());

const addPrefix = (path: string) =>
  bench.source.query(
    `insert into distribution (id, type, name, base_path, remote_id, private) values ($1, 'pull-through', $2, $2, $3, true)`,
    [newId(), path, remote.id],
  );
const count = async (table: string) => (await rowsOf(bench.source, `select 1 from ${table}`)).length;
const routeTo = async (path: string) => (await pullThrough.resolve(path))!;

describe('the path below a pull-through distribution', () => {
  test('is an upstream name by whole components, and the longest prefix counts', async () => {
    await addPrefix(`${base}/inner`);
    expect(await routeTo(`${base}/library/box`)).toMatchObject({ upstreamName: 'library/box' });
    expect(await routeTo(`${base}/inner/box`)).toMatchObject({ upstreamName: 'box' });
    expect(await pullThrough.resolve(`${base}x/box`)).toBeUndefined();
    expect(await pullThrough.resolve(base)).toBeUndefined();
  });

  test('is filtered by includes and excludes of the remote', async () => {
    await bench.source.query(`update remote set excludes = '["secret/*"]' where id = $1`, [remote.id]);
    expect(await pullThrough.resolve(`${base}/secret/box`)).toBeUndefined();
    expect(await routeTo(`${base}/open/box`)).toMatchObject({ upstreamName: 'open/box' });
  });

  test('makes nothing when the upstream has nothing', async () => {
    const before = await Promise.all(['repository', 'remote', 'distribution'].map(count));
    await expect(pullThrough.refresh(await routeTo(`${base}/no/such`), 'latest')).rejects.toMatchObject({
      kind: 'not-found',
    });
    expect(await Promise.all(['repository', 'remote', 'distribution'].map(count))).toEqual(before);
  });
});

describe('a first pull', () => {
  test('brings the manifests and leaves the layers for later', async () => {
    const [one, two] = [upstream.add(makeImage()), upstream.add(makeImage())];
    const index = makeIndex([one.manifest, two.manifest]);
    upstream.addManifest(index, 'latest');
    const path = `${base}/team/app`;
    const { repositoryId, state } = await pullThrough.refresh(await routeTo(path), 'latest');
    expect(state).toBe('current');
    const probes = upstream.requests.filter((line) => /HEAD .*\/sha256-/.test(line));
    expect(probes.every((line) => line.includes(index.digest.slice(7)))).toBe(true);
    expect(await findByTag(bench.source, { repositoryId, pinned: null }, 'latest')).toMatchObject({
      digest: index.digest,
    });
    expect(await findBlob(bench.source, { repositoryId, pinned: null }, one.blobs[1]!.digest)).toMatchObject({
      stored: false,
    });
    const [child] = await rowsOf(
      bench.source,
      'select private, type, repository_id from distribution where base_path = $1',
      [path],
    );
    expect(child).toMatchObject({ private: true, type: 'container', repository_id: repositoryId });
  });

  test('at the same time by many asks the upstream once', async () => {
    upstream.add(makeImage(), 'latest');
    const route = await routeTo(`${base}/team/app`);
    await Promise.all(Array.from({ length: 10 }, () => pullThrough.refresh(route, 'latest')));
    expect(
      upstream.requests.filter((line) => line.startsWith('GET') && line.includes('/manifests/sha256:')),
    ).toHaveLength(1);
    expect(upstream.requests.filter((line) => /^HEAD .*\/manifests\/latest$/.test(line))).toHaveLength(1);
  });

  test('brings the signatures along', async () => {
    const image = upstream.add(makeImage(), 'latest');
    const signer = await simpleSigner();
    upstream.signatures.set(image.manifest.digest, [
      Buffer.from(await signer.sign(image.manifest, 'a/b:latest', new Date())),
    ]);
    const { repositoryId } = await pullThrough.refresh(await routeTo(`${base}/team/app`), 'latest');
    const { signatures } = await findSignatures(bench.source, { repositoryId, pinned: null }, image.manifest.digest);
    expect(signatures).toHaveLength(1);
  });

  test('by digest needs no tag', async () => {
    const image = upstream.add(makeImage());
    const route = await routeTo(`${base}/team/app`);
    await pullThrough.refresh(route, image.manifest.digest);
    upstream.forget();
    await pullThrough.refresh(route, image.manifest.digest);
    expect(upstream.requests).toEqual([]);
  });
});

describe('a later pull', () => {
  test('costs one HEAD while the tag stays, and versions tell what it meant', async () => {
    const old = upstream.add(makeImage(), 'latest');
    const route = await routeTo(`${base}/team/app`);
    const { repositoryId } = await pullThrough.refresh(route, 'latest');
    upstream.forget();
    await pullThrough.refresh(route, 'latest');
    expect(upstream.requests).toEqual(['HEAD /v2/team/app/manifests/latest']);
    const fresh = upstream.add(makeImage(), 'latest');
    await pullThrough.refresh(route, 'latest');
    expect(await findByTag(bench.source, { repositoryId, pinned: 1 }, 'latest')).toMatchObject({
      digest: old.manifest.digest,
    });
    expect(await findByTag(bench.source, { repositoryId, pinned: 2 }, 'latest')).toMatchObject({
      digest: fresh.manifest.digest,
    });
  });

  test('is served from here when the upstream is away', async () => {
    upstream.add(makeImage(), 'latest');
    const route = await routeTo(`${base}/team/app`);
    await pullThrough.refresh(route, 'latest');
    upstream.on(/./, (_request, response) => {
      response.writeHead(503);
      response.end();
    });
    expect(await pullThrough.refresh(route, 'latest')).toMatchObject({ state: 'cached' });
    await expect(pullThrough.refresh(route, 'other')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('uses the settings that the parent has now', async () => {
    upstream.add(makeImage(), 'latest');
    await pullThrough.refresh(await routeTo(`${base}/team/app`), 'latest');
    await bench.source.query(
      `update remote set username = 'u', password = 'p', pulp_last_updated = clock_timestamp() where id = $1`,
      [remote.id],
    );
    upstream.on(/\/v2\/team/, (request, response) => {
      if (request.headers.authorization) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' });
      response.end();
      return true;
    });
    expect(await pullThrough.refresh(await routeTo(`${base}/team/app`), 'latest')).toMatchObject({ state: 'current' });
  });

  test('of new signatures finds them', async () => {
    const image = upstream.add(makeImage(), 'latest');
    const route = await routeTo(`${base}/team/app`);
    const { repositoryId } = await pullThrough.refresh(route, 'latest');
    upstream.referrers = new Map();
    const referrer = upstream.add(makeImage({ subject: image.manifest, artifactType: 'example/doc' }));
    upstream.referrers.set(image.manifest.digest, [referrer.manifest]);
    registries.onApplicationShutdown();
    await pullThrough.refreshSignatures(route, image.manifest.digest);
    expect(
      await rowsOf(bench.source, 'select 1 from membership where repository_id = $1 and kind = $2', [
        repositoryId,
        'manifest',
      ]),
    ).toHaveLength(2);
  });
});
