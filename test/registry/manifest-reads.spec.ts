import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { made, OCI_EMPTY, OCI_MANIFEST, pushBlob, pushImage, putManifest } from './content.js';
import { type RegistryProcess, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const NAME = 'team/manifest-reads';
const get = (reference: string, headers: Record<string, string> = {}, name = NAME) =>
  registry.request('GET', `/v2/${name}/manifests/${reference}`, { headers });

describe('reading a manifest', () => {
  it('answers 304 when the client has it', async () => {
    const image = await pushImage(registry, NAME, 'cached');
    const etag = (await get('cached')).headers.get('etag')!;
    const again = await get('cached', { 'if-none-match': `W/"x", ${etag}` });
    expect([again.status, again.bytes.length, again.headers.get('docker-content-digest')]).toEqual([
      304,
      0,
      image.digest,
    ]);
    expect((await get('cached', { 'if-none-match': '"sha256:other"' })).status).toBe(200);
  });

  it('minds no Accept header and never compresses', async () => {
    const image = await pushImage(registry, NAME, 'accepted');
    const answer = await get('accepted', { accept: 'text/html', 'accept-encoding': 'gzip' });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, image.mediaType]);
    expect(answer.headers.get('content-encoding')).toBeNull();
  });

  it('A3 works for a repository whose name looks like a route', async () => {
    for (const name of ['a/manifests/b', 'a/blobs/uploads', 'a/tags/list', 'a/referrers/b', 'a/blobs']) {
      const image = await pushImage(registry, name, 'v1');
      expect((await get('v1', {}, name)).headers.get('docker-content-digest')).toBe(image.digest);
      expect((await registry.request('GET', `/v2/${name}/tags/list`)).json()).toEqual({ name, tags: ['v1'] });
      expect((await registry.request('GET', `/v2/${name}/referrers/${image.digest}`)).status).toBe(200);
      const layer = (JSON.parse(image.bytes.toString()) as { layers: { digest: string }[] }).layers[0]!.digest;
      expect((await registry.request('GET', `/v2/${name}/blobs/${layer}`)).status).toBe(200);
    }
  });
});

describe('tag lists', () => {
  it('D12 are empty for n=0, whole for a large n, and refuse nonsense', async () => {
    const name = 'team/lists';
    for (const tag of ['b', 'A', 'a', 'B', '_']) await pushImage(registry, name, tag);
    const list = async (query: string) => registry.request('GET', `/v2/${name}/tags/list${query}`);
    expect((await list('')).json()).toEqual({ name, tags: ['A', 'B', '_', 'a', 'b'] });
    const none = await list('?n=0');
    expect([none.json<{ tags: string[] }>().tags, none.headers.get('link')]).toEqual([[], null]);
    expect((await list('?n=2147483647')).json<{ tags: string[] }>().tags.length).toBe(5);
    expect((await list('?n=3&last=C')).json<{ tags: string[] }>().tags).toEqual(['_', 'a', 'b']);
    for (const n of ['-1', 'NaN', '1e9']) expect((await list(`?n=${n}`)).status).toBe(400);
  });

  it('keep the empty config of artifacts readable', async () => {
    const empty = await pushBlob(registry, NAME, Buffer.from('{}'), OCI_EMPTY);
    const artifact = made({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: 'text/a',
      config: empty,
      layers: [empty],
    });
    expect((await putManifest(registry, NAME, 'empty', artifact)).status).toBe(201);
  });
});
