import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describe_, type Made, made, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, pushBlob, pushImage } from './content.js';
import { makeImage, putManifest } from './content.js';
import { head, sendRaw } from './raw-http.js';
import { REFUSED, refusal } from './refusals.js';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';
import { uploads } from './upload-requests.js';

let registry: RegistryProcess;
let image: Made;
beforeAll(async () => {
  registry = await startRegistry({ HALLMARK_IDLE_TIMEOUT: '1' });
  image = await pushImage(registry, NAME, 'v1');
});
afterAll(() => registry?.close());

const NAME = 'team/integrity';
const { start, close } = uploads(() => registry);
const put = (body: Buffer | string | ReadableStream, type = OCI_MANIFEST, reference = 'attack') =>
  registry.request('PUT', `/v2/${NAME}/manifests/${reference}`, { headers: { 'content-type': type }, body });
const status = async (reference: string) =>
  (await registry.request('GET', `/v2/${NAME}/manifests/${reference}`)).status;
const alive = async () => expect((await registry.request('GET', '/v2/')).status).toBe(200);

describe('digests', () => {
  it('B2 a session that is closed with another algorithm than it announced is checked all the same', async () => {
    const bytes = someBytes(300);
    const location = await start(NAME, '?digest-algorithm=sha512');
    expect((await close(location, sha(bytes), bytes)).status).toBe(201);
    const wrong = await close(await start(NAME, '?digest-algorithm=sha512'), sha('other'), bytes);
    expect([wrong.status, wrong.code]).toEqual([400, 'DIGEST_INVALID']);
  });

  it('B4 a manifest is refused under the digest of other bytes, by either algorithm', async () => {
    for (const digest of [sha('other'), sha('other', 'sha512')]) {
      const answer = await put(image.bytes, OCI_MANIFEST, digest);
      expect([answer.status, answer.code, await status(digest)]).toEqual([400, 'DIGEST_INVALID', 404]);
    }
  });
});

describe('documents', () => {
  const text = () => image.bytes.toString();
  const inside = (member: string) => text().replace('"layers"', `${member},"layers"`);
  const refused: [string, () => string | Buffer][] = [
    ['B5 both layers and manifests', () => inside('"manifests":[]')],
    ['B5 an index with a config', () => text().replace(OCI_MANIFEST, OCI_INDEX)],
    ['B5 layers in other letters, which clients in Go read', () => inside('"LAYERS":[]')],
    ['B5 manifests in letters that fold to the same', () => inside('"manife\u017fts":[]')],
    ['B5 a digest in other letters, deep inside', () => text().replace('"digest":', '"Digest":"x","digest":')],
    ['B6 a member twice', () => inside('"layers":[]')],
    ['B6 a member twice, once escaped', () => inside('"l\\u0061yers":[]')],
    ['B6 a member twice, deep inside', () => text().replace('"size":', '"size":1,"size":')],
    ['B6 a byte order mark', () => `\ufeff${text()}`],
    ['B6 data behind the document', () => `${text()}{}`],
    ['B6 bytes that are not UTF-8', () => Buffer.concat([Buffer.from(inside('"x":"')), Buffer.from([0xff, 0xfe])])],
    ['B6 overlong UTF-8', () => Buffer.from(inside('"x":"@@"').replace('@@', '\u00c0\u00af'), 'latin1')],
    ['B6 NaN', () => inside('"x":NaN')],
    ['B6 an infinite number as a size', () => text().replace(/"size":\d+/, '"size":1e400')],
    ['B6 a prototype instead of members', () => `{"__proto__":${text()}}`],
    ['B6 annotations that are not text', () => inside('"annotations":{"a":1}')],
    ['B6 an annotation with NUL', () => inside('"annotations":{"a":"\\u0000"}')],
    ['B6 an annotation that is named with half a surrogate pair', () => inside('"annotations":{"\\ud800":"a"}')],
    ['B6 an artifact type with NUL', () => inside('"artifactType":"a/b\\u0000"')],
    ['B7 100,000 levels of lists', () => '['.repeat(100_000)],
    ['B7 100,000 levels of objects', () => `${'{"a":'.repeat(100_000)}1`],
    ['B7 65 levels in a member that nobody reads', () => inside(`"x":${'['.repeat(65)}${']'.repeat(65)}`)],
    ['B7 4 MiB of brackets', () => '['.repeat(4 * 1024 * 1024)],
    ['B7 annotations without number', () => inside(`"annotations":{${manyMembers(21_000)}}`)],
    ['B11 a size that is negative', () => text().replace(/"size":\d+/, '"size":-1')],
    ['B11 a size that is no whole number', () => text().replace(/"size":\d+/, '"size":1.5')],
    ['B11 a size that no blob has', () => text().replace(/"size":\d+/, '"size":9007199254740993')],
    ['B11 a size in text', () => text().replace(/"size":(\d+)/, '"size":"$1"')],
    ['B11 another size than the blob', () => text().replace(/"size":\d+/, '"size":1')],
  ];
  it.each(refused)('%s is refused', async (_what, make) => {
    const body = make();
    const began = performance.now();
    const answer = await put(body);
    expect([answer.status, answer.code]).toEqual([400, 'MANIFEST_INVALID']);
    expect(performance.now() - began).toBeLessThan(1500);
    expect(await status('attack')).toBe(404);
  });

  it('B6 an index whose platforms have NUL is refused', async () => {
    const child = { ...describe_(image), platform: { os: 'linux\0', architecture: 'amd64' } };
    const index = made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [child] });
    const answer = await put(index.bytes, OCI_INDEX);
    expect([answer.status, answer.code]).toEqual([400, 'MANIFEST_INVALID']);
  });

  it('B5 a type is refused that contradicts the Content-Type', async () => {
    const answer = await put(image.bytes, OCI_INDEX);
    expect([answer.status, answer.code]).toEqual([400, 'MANIFEST_INVALID']);
  });

  it('B6 members named after prototypes are kept as they are and change nothing', async () => {
    const bytes = Buffer.from(inside('"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}'));
    expect((await put(bytes, OCI_MANIFEST, 'proto')).status).toBe(201);
    expect((await registry.request('GET', `/v2/${NAME}/manifests/proto`)).bytes.equals(bytes)).toBe(true);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });
});

describe('bodies', () => {
  it('B8 more than 4 MiB are refused while they come', async () => {
    const answer = await put(new Blob([Buffer.alloc(5 * 1024 * 1024, 0x20)]).stream());
    expect([answer.status, answer.code]).toEqual([413, 'SIZE_INVALID']);
    await alive();
  });

  it('B8 bodies that never end are cut off some time after the refusal', async () => {
    const endless = Buffer.from(`100000\r\n${'x'.repeat(0x10_00_00)}\r\n`);
    const headers = [`Content-Type: ${OCI_MANIFEST}`, 'Transfer-Encoding: chunked'];
    const socket = createConnection(registry.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(head(registry, `PUT /v2/${NAME}/manifests/endless HTTP/1.1`, headers));
    const timer = setInterval(() => socket.write(endless), 50);
    socket.resume();
    await closed;
    clearInterval(timer);
    await alive();
  });

  it('B9 a length that is announced and never sent reserves nothing and is cut off', async () => {
    const huge = ['Content-Length: 10000000000'];
    const line = (path: string, method = 'PUT') => `${method} /v2/${NAME}/${path} HTTP/1.1`;
    const before = process.memoryUsage().rss;
    const manifest = await sendRaw(registry, head(registry, line('manifests/x'), huge));
    expect(refusal(manifest, [413])).toEqual(REFUSED);
    const small = await sendRaw(registry, head(registry, line('manifests/x'), ['Content-Length: 100']), 4000);
    expect([0, 400]).toContain(small.status);
    const path = (await start(NAME)).replace(`/v2/${NAME}/`, '');
    const blob = await sendRaw(registry, head(registry, line(path, 'PATCH'), huge), 4000);
    expect([0, 400, 408]).toContain(blob.status);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
    expect((await put(new Blob([image.bytes]).stream(), OCI_MANIFEST, 'chunked')).status).toBe(201);
  });

  it('B9 types of any kind reach the registry as they are', async () => {
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'nonsense', ';;;']) {
      const answer = await put('{"broken', type);
      expect([answer.status, answer.code]).toEqual([400, 'MANIFEST_INVALID']);
    }
  });

  it('B14 a config that pretends to be huge, or is of no known form, is stored and not unpacked', async () => {
    const large = Buffer.from(JSON.stringify({ config: { Labels: { a: 'x'.repeat(9_000_000) } } }));
    const odd = [
      '['.repeat(200_000),
      '{"config":{"Labels":[[1]]}}',
      '{"config":{"Labels":{"a":"\\ud800"}},"os":"\\u0000"}',
    ];
    for (const bytes of [large, ...odd.map((text) => Buffer.from(text))]) {
      const config = await pushBlob(registry, NAME, bytes, OCI_CONFIG);
      const manifest = made({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [] });
      expect((await putManifest(registry, NAME, manifest.digest, manifest)).status).toBe(201);
    }
  });
});

describe('graphs', () => {
  const index = (manifests: readonly Made[], salt = 0) =>
    made({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: manifests.map(describe_),
      annotations: { n: `${salt}` },
    });

  it('B10 indexes are taken 16 levels deep and no deeper', async () => {
    let top = image;
    const answers: number[] = [];
    for (let level = 1; level <= 18; level += 1) {
      const next = index([top]);
      answers.push((await putManifest(registry, NAME, next.digest, next)).status);
      if (answers.at(-1) === 201) top = next;
    }
    expect(answers).toEqual([...Array<number>(16).fill(201), 400, 400]);
  });

  it('B10 an index that reaches one image in very many ways is walked once', async () => {
    let level = [image, await pushImage(registry, NAME)];
    const began = performance.now();
    for (let depth = 1; depth <= 14; depth += 1) {
      const next = [0, 1].map((salt) => index([...level, ...level], salt));
      for (const each of next) expect((await putManifest(registry, NAME, each.digest, each)).status).toBe(201);
      level = next;
    }
    expect((await putManifest(registry, NAME, 'diamond', level[0]!)).status).toBe(201);
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  it('B10 more manifests than anybody needs are refused, and a subject may refer back', async () => {
    const many = made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: Array(20_001).fill(describe_(image)) });
    expect((await putManifest(registry, NAME, 'many', many)).status).toBe(many.size > 4 * 1024 * 1024 ? 413 : 400);
    const one = await makeImage(registry, NAME, { subject: describe_(image) });
    const two = await makeImage(registry, NAME, { subject: describe_(one) });
    for (const each of [two, one]) expect((await putManifest(registry, NAME, each.digest, each)).status).toBe(201);
    const referrers = await registry.request('GET', `/v2/${NAME}/referrers/${one.digest}`);
    expect(referrers.json<{ manifests: object[] }>().manifests.length).toBe(1);
  });
});

const manyMembers = (count: number) => Array.from({ length: count }, (_, at) => `"${at.toString(36)}":""`).join(',');
