import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describe_, type Made, made, OCI_INDEX, pushBlob, pushImage, putManifest } from './content.js';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const status = async (method: string, path: string) => (await registry.request(method, path)).status;
const manifest = (name: string, reference: string) => `/v2/${name}/manifests/${reference}`;
const blob = (name: string, digest: string) => `/v2/${name}/blobs/${digest}`;
const blobsOf = (image: Made) => {
  const { config, layers } = JSON.parse(image.bytes.toString()) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  return [config.digest, ...layers.map((layer) => layer.digest)];
};
const head = async (name: string) =>
  ((await registry.source.query(`select head from repository where name = $1`, [name])) as { head: number }[])[0]!.head;

describe('deleting', () => {
  it('of a tag leaves the manifest and its other tags', async () => {
    const name = 'del/tag';
    const image = await pushImage(registry, name, 'one');
    await putManifest(registry, name, 'two', image);
    expect(await status('DELETE', manifest(name, 'one'))).toBe(202);
    expect(await status('GET', manifest(name, 'one'))).toBe(404);
    expect(await status('GET', manifest(name, 'two'))).toBe(200);
    expect(await status('GET', manifest(name, image.digest))).toBe(200);
    expect((await registry.request('GET', `/v2/${name}/tags/list`)).json()).toEqual({ name, tags: ['two'] });
    expect(await head(name)).toBe(3);
  });

  it('of a tag that moved meanwhile is refused with 412', async () => {
    const name = 'del/moved';
    const [old, image] = [await pushImage(registry, name, 'v1'), await pushImage(registry, name, 'v1')];
    const remove = async (reference: string, condition: string) =>
      (await registry.request('DELETE', manifest(name, reference), { headers: { 'if-match': condition } })).status;
    expect(await remove('v1', `"${old.digest}"`)).toBe(412);
    expect(await remove('absent', '*')).toBe(404);
    expect(await status('GET', manifest(name, 'v1'))).toBe(200);
    expect(await remove('v1', `"${old.digest}", "${image.digest}"`)).toBe(202);
    expect(await status('GET', manifest(name, 'v1'))).toBe(404);
  });

  it('of a digest takes every tag along, and lets the blobs be deleted next', async () => {
    const name = 'del/digest';
    const image = await pushImage(registry, name, 'one');
    await putManifest(registry, name, 'two', image);
    expect(await status('DELETE', manifest(name, image.digest))).toBe(202);
    for (const reference of ['one', 'two', image.digest]) {
      expect(await status('GET', manifest(name, reference))).toBe(404);
      expect(await status('HEAD', manifest(name, reference))).toBe(404);
    }
    expect((await registry.request('GET', `/v2/${name}/tags/list`)).json()).toEqual({ name, tags: [] });
    expect(await head(name)).toBe(3);
    for (const digest of blobsOf(image)) {
      expect(await status('GET', blob(name, digest))).toBe(200);
      expect(await status('DELETE', blob(name, digest))).toBe(202);
      expect(await status('GET', blob(name, digest))).toBe(404);
      expect(await status('DELETE', blob(name, digest))).toBe(404);
    }
    expect(await head(name)).toBe(3);
  });

  it('keeps a blob in the version that another manifest names', async () => {
    const name = 'del/shared';
    const [one, two] = [await pushImage(registry, name, 'one'), await pushImage(registry, name, 'two')];
    const { config } = JSON.parse(one.bytes.toString()) as { config: object };
    const both = made({ ...(JSON.parse(two.bytes.toString()) as { mediaType: string }), config });
    await putManifest(registry, name, 'both', both);
    await status('DELETE', manifest(name, one.digest));
    const rows = (await registry.source.query(
      `select m.removed_in from membership m join blob b on b.id = m.unit_id where b.digest = $1 and m.removed_in is null`,
      [blobsOf(one)[0]],
    )) as unknown[];
    expect(rows.length).toBe(1);
  });

  it('works from the index down, each answer at once', async () => {
    const name = 'del/index';
    const images = [await pushImage(registry, name), await pushImage(registry, name)];
    const index = made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: images.map(describe_) });
    await putManifest(registry, name, 'multi', index);
    for (const each of [index, ...images]) {
      expect(await status('DELETE', manifest(name, each.digest))).toBe(202);
      expect(await status('GET', manifest(name, each.digest))).toBe(404);
    }
    for (const digest of images.flatMap(blobsOf)) expect(await status('DELETE', blob(name, digest))).toBe(202);
  });

  it('works for what is only staged', async () => {
    const name = 'del/staged';
    const image = await pushImage(registry, name);
    const bytes = someBytes();
    await pushBlob(registry, name, bytes);
    expect(await status('DELETE', manifest(name, image.digest))).toBe(202);
    expect(await status('GET', manifest(name, image.digest))).toBe(404);
    expect(await status('DELETE', blob(name, sha(bytes)))).toBe(202);
    expect(await status('GET', blob(name, sha(bytes)))).toBe(404);
    expect(await head(name)).toBe(0);
  });

  it('lets the same be pushed again', async () => {
    const name = 'del/again';
    const image = await pushImage(registry, name, 'v1');
    await status('DELETE', manifest(name, image.digest));
    for (const digest of blobsOf(image)) await status('DELETE', blob(name, digest));
    const missing = await putManifest(registry, name, 'v1', image);
    expect([missing.status, missing.code]).toEqual([404, 'MANIFEST_BLOB_UNKNOWN']);
    for (const digest of blobsOf(image)) {
      const bytes = await registry.store.getBytes(digest, 1 << 20);
      await pushBlob(registry, name, bytes);
    }
    expect((await putManifest(registry, name, 'v1', image)).status).toBe(201);
    expect(await status('GET', manifest(name, 'v1'))).toBe(200);
  });

  it('of what is not there is a miss, of nonsense a refusal', async () => {
    const name = 'del/nothing';
    await pushImage(registry, name, 'v1');
    for (const [path, code] of [
      [manifest(name, 'v2'), 'MANIFEST_UNKNOWN'],
      [manifest(name, sha('x')), 'MANIFEST_UNKNOWN'],
      [blob(name, sha('x')), 'BLOB_UNKNOWN'],
    ] as const) {
      const answer = await registry.request('DELETE', path);
      expect([answer.status, answer.code]).toEqual([404, code]);
    }
    expect(await status('DELETE', manifest(name, 'sha256:x'))).toBe(400);
    expect(await status('DELETE', blob(name, 'sha256:x'))).toBe(400);
  });

  it('G8 never shows an error to readers while the tag moves', async () => {
    const name = 'del/moving';
    const images = [await pushImage(registry, name, 'v1'), await pushImage(registry, name, 'v1')];
    let moving = true;
    const seen = new Set<number>();
    const reader = (async () => {
      while (moving) seen.add(await status('GET', manifest(name, 'v1')));
    })();
    for (let turn = 0; turn < 20; turn += 1) await putManifest(registry, name, 'v1', images[turn % 2]!);
    moving = false;
    await reader;
    expect([...seen]).toEqual([200]);
    for (const image of images) expect(await status('GET', manifest(name, image.digest))).toBe(200);
  });
});
