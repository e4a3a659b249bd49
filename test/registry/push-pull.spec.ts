import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describe_, made, makeImage, OCI_INDEX, pushBlob, pushImage, putManifest } from './content.js';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

describe('pushing and pulling', () => {
  it('answers the ping with the headers that clients look for', async () => {
    const answer = await registry.request('GET', '/v2/');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('docker-distribution-api-version')).toBe('registry/2.0');
    expect(answer.headers.get('x-registry-supports-signatures')).toBe('1');
    expect(answer.headers.get('content-type')).toBe('application/json');
  });

  it('gives an image back byte for byte, by tag and by digest', async () => {
    const image = await pushImage(registry, 'team/app', 'v1');
    for (const reference of ['v1', image.digest]) {
      const got = await registry.request('GET', `/v2/team/app/manifests/${reference}`);
      expect(got.status).toBe(200);
      expect(got.bytes.equals(image.bytes)).toBe(true);
      expect(got.headers.get('content-type')).toBe(image.mediaType);
      expect(got.headers.get('docker-content-digest')).toBe(image.digest);
      const head = await registry.request('HEAD', `/v2/team/app/manifests/${reference}`);
      expect(head.status).toBe(200);
      expect(head.headers.get('content-length')).toBe(String(image.size));
      expect(head.headers.get('content-type')).toBe(image.mediaType);
    }
  });

  it('takes a blob as POST, PATCH and PUT and gives it back', async () => {
    const bytes = someBytes(300_000);
    const post = await registry.request('POST', '/v2/team/app/blobs/uploads/');
    expect(post.status).toBe(202);
    const patch = await registry.request('PATCH', path(post.headers), { body: bytes.subarray(0, 200_000) });
    expect(patch.status).toBe(202);
    expect(patch.headers.get('range')).toBe('0-199999');
    const put = await registry.request('PUT', `${path(patch.headers)}&digest=${sha(bytes)}`, {
      body: bytes.subarray(200_000),
    });
    expect(put.status).toBe(201);
    const got = await registry.request('GET', put.headers.get('location')!);
    expect(got.status).toBe(200);
    expect(got.bytes.equals(bytes)).toBe(true);
    const head = await registry.request('HEAD', put.headers.get('location')!);
    expect(head.headers.get('content-length')).toBe('300000');
    expect(head.headers.get('docker-content-digest')).toBe(sha(bytes));
  });

  it('makes one version of an index that is pushed under a tag', async () => {
    const images = [await pushImage(registry, 'team/multi'), await pushImage(registry, 'team/multi')];
    const index = made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: images.map(describe_) });
    expect((await putManifest(registry, 'team/multi', 'latest', index)).status).toBe(201);
    const [row] = await registry.source.query(`select head from repository where name = 'team/multi'`);
    expect(row.head).toBe(1);
  });

  it('refuses a manifest whose layer was never pushed', async () => {
    const config = await pushBlob(registry, 'team/app', someBytes());
    const missing = { mediaType: 'application/x', digest: sha('nothing'), size: 7 };
    const image = made({
      ...(JSON.parse((await makeImage(registry, 'team/app')).bytes.toString()) as { mediaType: string }),
      config,
      layers: [missing],
    });
    const answer = await putManifest(registry, 'team/app', 'broken', image);
    expect([answer.status, answer.code]).toEqual([404, 'MANIFEST_BLOB_UNKNOWN']);
  });

  it('lists tags page by page', async () => {
    const tags = ['a', 'b', 'c', 'd'];
    for (const tag of tags) await pushImage(registry, 'team/tags', tag);
    const first = await registry.request('GET', '/v2/team/tags/tags/list?n=2');
    expect(first.json()).toEqual({ name: 'team/tags', tags: ['a', 'b'] });
    expect(first.headers.get('link')).toBe('</v2/team/tags/tags/list?n=2&last=b>; rel="next"');
    const rest = await registry.request('GET', '/v2/team/tags/tags/list?last=b');
    expect(rest.json()).toEqual({ name: 'team/tags', tags: ['c', 'd'] });
    expect(rest.headers.get('link')).toBeNull();
  });
});

function path(headers: Headers): string {
  const url = new URL(headers.get('location')!);
  return url.pathname + url.search;
}
