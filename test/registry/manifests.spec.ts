import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  describe_,
  made,
  makeImage,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  putManifest,
} from './content.js';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const NAME = 'team/manifests';
const get = (reference: string, headers: Record<string, string> = {}, name = NAME) =>
  registry.request('GET', `/v2/${name}/manifests/${reference}`, { headers });
const head = async (name = NAME) =>
  ((await registry.source.query(`select head from repository where name = $1`, [name])) as { head: number }[])[0]!.head;

/** A configless reader of what every image here needs. */
async function parts(name = NAME) {
  const config = await pushBlob(registry, name, Buffer.from(`{"salt":"${someBytes(8).toString('hex')}"}`), OCI_CONFIG);
  return { config, layer: await pushBlob(registry, name, someBytes(50), OCI_LAYER) };
}

describe('storing a manifest', () => {
  it.each(['.INVALID_MANIFEST_NAME', 'x'.repeat(129), 'a%20b'])(
    'A4 refuses the tag %s, and reading it is just a miss',
    async (tag) => {
      const image = await makeImage(registry, NAME);
      expect((await putManifest(registry, NAME, tag, image)).status).toBe(400);
      const answer = await get(tag);
      expect([answer.status, answer.code]).toEqual([404, 'MANIFEST_UNKNOWN']);
    },
  );

  it.each(['sha256:baddigeststring', 'md5:d41d8cd98f00b204e9800998ecf8427e', `sha256:${'A'.repeat(64)}`])(
    'refuses the digest %s with 400',
    async (digest) => {
      const answer = await putManifest(registry, NAME, digest, await makeImage(registry, NAME));
      expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID']);
      expect((await get(digest)).status).toBe(404);
    },
  );

  it('B4 refuses bytes that do not have the digest of the reference', async () => {
    const image = await makeImage(registry, NAME);
    const answer = await putManifest(registry, NAME, sha('other'), image);
    expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID']);
    expect((await get(sha('other'))).status).toBe(404);
  });

  it.each<[string, (image: Record<string, unknown>) => string, string]>([
    ['both layers and manifests', (image) => JSON.stringify({ ...image, manifests: [] }), OCI_MANIFEST],
    ['another type than its Content-Type', (image) => JSON.stringify(image), OCI_INDEX],
    ['a member twice', (image) => JSON.stringify(image).replace('{', '{"layers":[],'), OCI_MANIFEST],
    [
      'a negative size',
      (image) => JSON.stringify({ ...image, layers: [{ mediaType: 'a/b', digest: sha(''), size: -1 }] }),
      OCI_MANIFEST,
    ],
    ['no JSON', () => 'hello', OCI_MANIFEST],
    ['a byte order mark', (image) => `\ufeff${JSON.stringify(image)}`, OCI_MANIFEST],
    ['4 MiB of brackets', () => '['.repeat(4 * 1024 * 1024), OCI_MANIFEST],
    ['schema 1', () => '{"schemaVersion":1,"fsLayers":[]}', 'application/vnd.docker.distribution.manifest.v1+json'],
    ['an unknown type', (image) => JSON.stringify({ ...image, mediaType: 'text/x' }), 'text/x'],
  ])('refuses a document with %s', async (_what, change, type) => {
    const image = JSON.parse((await makeImage(registry, NAME)).bytes.toString()) as Record<string, unknown>;
    const answer = await registry.request('PUT', `/v2/${NAME}/manifests/bad`, {
      headers: { 'content-type': type },
      body: change(image),
    });
    expect([answer.status, answer.code]).toEqual([400, 'MANIFEST_INVALID']);
    expect((await get('bad')).status).toBe(404);
  });

  it('refuses a descriptor whose size is not the size of the blob', async () => {
    const { config, layer } = await parts();
    const image = made({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [{ ...layer, size: 1 }] });
    const answer = await putManifest(registry, NAME, 'wrong-size', image);
    expect([answer.status, answer.code]).toEqual([400, 'MANIFEST_INVALID']);
  });

  it('B8 takes 4 MiB and refuses one byte more', async () => {
    const { config, layer } = await parts();
    const base = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer], annotations: { pad: '' } };
    const room = 4 * 1024 * 1024 - made(base).size;
    const full = made({ ...base, annotations: { pad: 'x'.repeat(room) } });
    expect((await putManifest(registry, NAME, 'full', full)).status).toBe(201);
    expect((await get('full')).bytes.length).toBe(4 * 1024 * 1024);
    const over = await putManifest(
      registry,
      NAME,
      'over',
      made({ ...base, annotations: { pad: 'x'.repeat(room + 1) } }),
    );
    expect([over.status, over.code]).toEqual([413, 'SIZE_INVALID']);
  });

  it('keeps what it does not know: odd members, odd types, data, no layers, foreign layers, an empty index', async () => {
    const { config, layer } = await parts();
    const foreign = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: sha('elsewhere'),
      size: 9,
      urls: ['https://example.com/x'],
    };
    const nondistributable = {
      mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
      digest: sha('n'),
      size: 1,
    };
    const data = Buffer.from('x').toString('base64');
    const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config };
    const manifests = [
      made({ ...image, layers: [layer], 'org.example.custom': { nested: [1, null, '\u00e9'] } }),
      made({ ...image, layers: [{ ...layer, data, mediaType: 'application/x-odd' }] }),
      made({ ...image, layers: [] }),
      made({ ...image, layers: [layer, foreign, nondistributable] }),
      made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }),
    ];
    for (const [at, manifest] of manifests.entries()) {
      expect((await putManifest(registry, NAME, `odd-${at}`, manifest)).status).toBe(201);
      expect((await get(`odd-${at}`)).bytes.equals(manifest.bytes)).toBe(true);
    }
  });

  it('keeps an index that lists blobs, as caches of BuildKit do, with those blobs in its version', async () => {
    const name = 'team/cache';
    const { config, layer } = await parts(name);
    const image = await pushImage(registry, name);
    const cache = (manifests: object[]) => made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
    const missing = { ...layer, digest: sha('missing') };
    const refused = await putManifest(registry, name, 'cache', cache([missing]));
    expect([refused.status, refused.code]).toEqual([404, 'MANIFEST_BLOB_UNKNOWN']);
    expect((await putManifest(registry, name, 'cache', cache([layer, describe_(image), config]))).status).toBe(201);
    const [{ present }] = (await registry.source.query(
      'select v.present from repository r join repository_version v on v.repository_id = r.id and v.number = r.head where r.name = $1',
      [name],
    )) as [{ present: unknown }];
    expect(present).toEqual({ blob: 4, manifest: 2, tag: 1 });
  });

  it('makes no version for a push by digest, one for the tag, none for the same tag again', async () => {
    const name = 'team/counted';
    const image = await pushImage(registry, name);
    expect(await head(name)).toBe(0);
    expect((await get(image.digest, {}, name)).status).toBe(200);
    for (let again = 0; again < 2; again += 1) await putManifest(registry, name, 'v1', image);
    expect(await head(name)).toBe(1);
  });

  it('serves a sha512 manifest under the digest that was asked for', async () => {
    const image = await makeImage(registry, NAME);
    const digest = sha(image.bytes, 'sha512');
    const put = await putManifest(registry, NAME, digest, image);
    expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, digest]);
    const answer = await get(digest);
    expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([200, digest]);
    const index = made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ ...describe_(image), digest }] });
    expect((await putManifest(registry, NAME, 'long', index)).status).toBe(201);
  });

  it('C11 sets several tags in one version and confirms each', async () => {
    const name = 'team/many-tags';
    const image = await makeImage(registry, name);
    const tags = Array.from({ length: 12 }, (_, at) => `t${at}`);
    const put = await putManifest(
      registry,
      name,
      `${image.digest}?${tags.map((tag) => `tag=${tag}`).join('&')}`,
      image,
    );
    expect(put.status).toBe(201);
    expect(put.headers.get('oci-tag')).toBe(tags.join(', '));
    expect(await head(name)).toBe(1);
    for (const tag of tags) expect((await get(tag, {}, name)).headers.get('docker-content-digest')).toBe(image.digest);
    const one = await putManifest(registry, name, `${image.digest}?tag=new&tag=.bad`, image);
    expect(one.status).toBe(400);
    expect((await get('new', {}, name)).status).toBe(404);
  });

  it('G7 moves a tag under a condition only', async () => {
    const [old, next] = [await pushImage(registry, NAME, 'moving'), await makeImage(registry, NAME)];
    const put = (headers: Record<string, string>) => putManifest(registry, NAME, 'moving', next, { headers });
    expect((await put({ 'if-none-match': '*' })).status).toBe(412);
    expect((await put({ 'if-match': `"${next.digest}"` })).status).toBe(412);
    expect((await put({ 'if-match': `"${old.digest}"` })).status).toBe(201);
    const fresh = await putManifest(registry, NAME, 'brand-new', next, { headers: { 'if-none-match': '*' } });
    expect(fresh.status).toBe(201);
  });

  it('G7 lets exactly one of many conditional writers of a new tag win', async () => {
    const images = await Promise.all(Array.from({ length: 12 }, () => makeImage(registry, NAME)));
    const answers = await Promise.all(
      images.map((image) => putManifest(registry, NAME, 'raced', image, { headers: { 'if-none-match': '*' } })),
    );
    expect(answers.map((each) => each.status).sort()).toEqual([201, ...Array<number>(11).fill(412)]);
  });

  it('ends with one of the digests when many push one tag at once, and fails nobody', async () => {
    const images = await Promise.all(Array.from({ length: 20 }, () => makeImage(registry, NAME)));
    const answers = await Promise.all(images.map((image) => putManifest(registry, NAME, 'busy', image)));
    expect(new Set(answers.map((each) => each.status))).toEqual(new Set([201]));
    expect(images.map((each) => each.digest)).toContain((await get('busy')).headers.get('docker-content-digest'));
    for (const image of images) expect((await get(image.digest)).status).toBe(200);
  });

  it('survives identical pushes at the same time', async () => {
    const image = await makeImage(registry, NAME);
    const answers = await Promise.all(Array.from({ length: 10 }, () => putManifest(registry, NAME, 'same', image)));
    expect(new Set(answers.map((each) => each.status))).toEqual(new Set([201]));
  });

  it('reads labels and platform from the config, and minds no config that is not JSON', async () => {
    const config = await pushBlob(
      registry,
      NAME,
      Buffer.from('{"architecture":"arm64","os":"linux","config":{"Labels":{"a":"b"}}}'),
      OCI_CONFIG,
    );
    const image = made({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [] });
    await putManifest(registry, NAME, 'labels', image);
    const text = await pushBlob(registry, NAME, Buffer.from('not json'), 'application/x-text');
    const artifact = made({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: text, layers: [] });
    expect((await putManifest(registry, NAME, 'artifact', artifact)).status).toBe(201);
    const rows = (await registry.source.query(
      'select type, labels, architecture, os from manifest where digest = any($1) order by type desc',
      [[image.digest, artifact.digest]],
    )) as unknown;
    expect(rows).toEqual([
      { type: 'image', labels: { a: 'b' }, architecture: 'arm64', os: 'linux' },
      { type: 'artifact', labels: {}, architecture: null, os: null },
    ]);
  });
});
