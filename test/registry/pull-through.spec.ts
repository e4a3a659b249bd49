import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '#platform/identifiers.js';
import { pushImage } from './content.js';
import { type RegistryProcess, startRegistry } from './registry-process.js';

let upstream: RegistryProcess;
let cache: RegistryProcess;
let image: Awaited<ReturnType<typeof pushImage>>;

beforeAll(async () => {
  [upstream, cache] = await Promise.all([startRegistry(), startRegistry()]);
  image = await pushImage(upstream, 'library/app', 'v1');
  const [remote, namespace] = [newId(), newId()];
  await cache.source.query(
    `insert into remote (id, type, name, url, policy, username, password) values ($1, 'pull-through', 'up', $2, 'on_demand', 'admin', $3)`,
    [remote, upstream.url, 'correct horse battery staple'],
  );
  await cache.source.query(`insert into namespace (id, name) values ($1, 'cache')`, [namespace]);
  await cache.source.query(
    `insert into distribution (id, type, name, base_path, namespace_id, remote_id) values ($1, 'pull-through', 'cache', 'cache', $2, $3)`,
    [newId(), namespace, remote],
  );
});
afterAll(async () => {
  await cache?.close();
});

const path = (rest: string) => `/v2/cache/library/app/${rest}`;
const manifestOf = () =>
  JSON.parse(image.bytes.toString()) as { config: { digest: string }; layers: { digest: string; size: number }[] };

describe('a path below a pull-through distribution', () => {
  it('shows nothing to somebody who may not fetch', async () => {
    expect((await cache.request('GET', path('manifests/v1'), { as: null })).status).toBe(401);
    expect((await cache.request('GET', path('manifests/v1'), { as: 'bob' })).status).toBe(404);
    expect(await cache.source.query(`select 1 from distribution where base_path = 'cache/library/app'`)).toEqual([]);
  });

  it('fetches an image at its first pull, and its layers when they are asked for', async () => {
    const got = await cache.request('GET', path('manifests/v1'));
    expect(got.status).toBe(200);
    expect(got.bytes.equals(image.bytes)).toBe(true);
    const [layer] = manifestOf().layers;
    const head = await cache.request('HEAD', path(`blobs/${layer!.digest}`));
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(layer!.size)]);
    const blob = await cache.request('GET', path(`blobs/${layer!.digest}`));
    expect([blob.status, blob.bytes.length]).toEqual([200, layer!.size]);
    expect(
      (await cache.request('GET', path(`blobs/${layer!.digest}`), { headers: { range: 'bytes=0-1' } })).status,
    ).toBe(206);
  });

  it('follows a tag that moves upstream, and remembers in versions what it meant', async () => {
    const moved = await pushImage(upstream, 'library/app', 'v1');
    expect((await cache.request('GET', path('manifests/v1'))).headers.get('docker-content-digest')).toBe(moved.digest);
    const [row] = await cache.source.query(`select head from repository where name = 'cache/library/app'`);
    expect(row.head).toBe(2);
  });

  it('makes nothing for what the upstream does not have', async () => {
    const missing = await cache.request('GET', '/v2/cache/library/other/manifests/v1');
    expect(missing.status).toBe(404);
    expect(await cache.source.query(`select 1 from distribution where base_path = 'cache/library/other'`)).toEqual([]);
  });

  it('serves what it has when the upstream is gone', async () => {
    await upstream.close();
    expect((await cache.request('GET', path('manifests/v1'))).status).toBe(200);
    expect((await cache.request('GET', path('manifests/v2'))).status).toBeGreaterThanOrEqual(404);
  });
});
