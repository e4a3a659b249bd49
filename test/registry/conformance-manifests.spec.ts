import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describe_, type Made, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from './content.js';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

type Algorithm = 'sha256' | 'sha512';
const ALGORITHMS: readonly Algorithm[] = ['sha256', 'sha512'];
let sets = 0;

/** What is pushed for one data set: blobs and manifests, the last of which are the parents of those before. */
class DataSet {
  readonly name = `conformance/set-${(sets += 1)}`;
  readonly blobs = new Map<string, Buffer>();
  readonly manifests: Made[] = [];

  constructor(readonly algorithm: Algorithm) {}

  blob(bytes: Buffer, mediaType: string) {
    const digest = sha(bytes, this.algorithm);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }
  manifest(document: { mediaType: string } & Record<string, unknown>): Made {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...document }));
    const made = { mediaType: document.mediaType, digest: sha(bytes, this.algorithm), size: bytes.length, bytes };
    this.manifests.push(made);
    return made;
  }
  image(extra: Record<string, unknown> = {}): Made {
    const config = this.blob(Buffer.from(`{"salt":"${someBytes(8).toString('hex')}"}`), OCI_CONFIG);
    const layers = [this.blob(someBytes(100), OCI_LAYER), this.blob(someBytes(50), OCI_LAYER)];
    return this.manifest({ mediaType: OCI_MANIFEST, config, layers, ...extra });
  }
  index(children: readonly Made[], extra: Record<string, unknown> = {}): Made {
    return this.manifest({ mediaType: OCI_INDEX, manifests: children.map(describe_), ...extra });
  }
  artifact(extra: Record<string, unknown> = {}): Made {
    const empty = this.blob(Buffer.from('{}'), OCI_EMPTY);
    const layers = [this.blob(someBytes(20), 'application/vnd.example.data')];
    const artifactType = 'application/vnd.example.artifact';
    return this.manifest({ mediaType: OCI_MANIFEST, artifactType, config: empty, layers, ...extra });
  }
}

const annotations = { 'org.example.note': 'kept' };
const missing = { mediaType: OCI_MANIFEST, digest: sha('never pushed'), size: 7 };

/** The data sets of the suites. */
const SETS: Record<string, (set: DataSet) => void> = {
  'an image': (set) => void set.image(),
  'an image with uncompressed layers': (set) =>
    void set.image({ layers: [set.blob(someBytes(9), 'application/vnd.oci.image.layer.v1.tar')] }),
  'a large manifest of 390 annotations of 10 kB': (set) =>
    void set.image({
      annotations: Object.fromEntries(
        Array.from({ length: 390 }, (_, at) => [`org.example.${at}`, 'x'.repeat(10_000)]),
      ),
    }),
  'an index': (set) => void set.index([set.image(), set.image()]),
  'a nested index': (set) => void set.index([set.index([set.image()]), set.image()]),
  'an empty index': (set) => void set.index([]),
  'an artifact': (set) => void set.artifact(),
  'an index of artifacts': (set) =>
    void set.index([set.artifact(), set.artifact()], { artifactType: 'application/vnd.example.list' }),
  'an artifact with a subject': (set) => void set.artifact({ subject: describe_(set.image()), annotations }),
  'an image with a subject': (set) => void set.image({ subject: describe_(set.image()), annotations }),
  'an index with a subject': (set) => {
    const [subject, child] = [set.image(), set.artifact()];
    set.index([child], { subject: describe_(subject), artifactType: 'application/vnd.example.list', annotations });
  },
  'an artifact whose subject is missing': (set) => void set.artifact({ subject: missing }),
  'the data field': (set) => {
    const bytes = Buffer.from('inline');
    const layer = { ...set.blob(bytes, OCI_LAYER), data: bytes.toString('base64') };
    set.image({ layers: [layer] });
  },
  'non-distributable layers': (set) => {
    const type = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
    set.image({ layers: [{ mediaType: type, digest: sha('far away'), size: 8, urls: ['https://example.com/layer'] }] });
  },
  'custom fields': (set) => void set.image({ 'org.example.custom': { nested: [1, 'two', null] }, zzz: true }),
  'no layers': (set) => void set.image({ layers: [] }),
};

const path = (set: DataSet, reference: string) => `/v2/${set.name}/manifests/${reference}`;
const status = async (method: string, at: string) => (await registry.request(method, at)).status;

async function push(set: DataSet, tag: string): Promise<void> {
  for (const [digest, bytes] of set.blobs)
    expect(
      (await registry.request('POST', `/v2/${set.name}/blobs/uploads/?digest=${digest}`, { body: bytes })).status,
    ).toBe(201);
  const top = set.manifests.at(-1)!;
  for (const each of set.manifests) await put(set, each, each.digest);
  // A tag leads to the sha256 digest; one of another is set by the digest with a parameter.
  if (set.algorithm === 'sha256') await put(set, top, tag);
  else await put(set, top, `${top.digest}?tag=${tag}`);
}

async function put(set: DataSet, each: Made, reference: string): Promise<void> {
  const headers = { 'content-type': each.mediaType };
  const answer = await registry.request('PUT', path(set, reference), { headers, body: each.bytes });
  expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([201, each.digest]);
  const { subject } = JSON.parse(each.bytes.toString()) as { subject?: { digest: string } };
  expect(answer.headers.get('oci-subject')).toBe(subject?.digest ?? null);
  if (reference.includes('?tag=')) expect(answer.headers.get('oci-tag')).toBe(reference.split('=')[1]);
  expect((await registry.request('GET', answer.headers.get('location')!)).bytes.equals(each.bytes)).toBe(true);
}

async function read(set: DataSet, each: Made, reference: string): Promise<void> {
  for (const method of ['HEAD', 'GET']) {
    const answer = await registry.request(method, path(set, reference), { headers: { accept: each.mediaType } });
    const { headers } = answer;
    expect([answer.status, headers.get('content-type'), headers.get('content-length')]).toEqual([
      200,
      each.mediaType,
      String(each.size),
    ]);
    expect(headers.get('docker-content-digest')).toBe(each.digest);
    if (method === 'GET') expect(answer.bytes.equals(each.bytes)).toBe(true);
  }
}

async function referrers(set: DataSet): Promise<void> {
  for (const each of set.manifests) {
    const document = JSON.parse(each.bytes.toString()) as {
      subject?: { digest: string };
      artifactType?: string;
      config?: { mediaType: string };
      annotations?: object;
    };
    if (!document.subject) continue;
    const artifactType = document.artifactType ?? document.config?.mediaType;
    const list = async (query = '') => {
      const answer = await registry.request('GET', `/v2/${set.name}/referrers/${document.subject!.digest}${query}`);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, OCI_INDEX]);
      return { answer, manifests: answer.json<{ manifests: object[] }>().manifests };
    };
    const listed = {
      ...describe_(each),
      artifactType,
      ...(document.annotations ? { annotations: document.annotations } : {}),
    };
    expect((await list()).manifests).toEqual([listed]);
    const filtered = await list(`?artifactType=${encodeURIComponent(artifactType!)}`);
    expect([filtered.manifests, filtered.answer.headers.get('oci-filters-applied')]).toEqual([
      [listed],
      'artifactType',
    ]);
    expect((await list('?artifactType=other/type')).manifests).toEqual([]);
    expect(await status('DELETE', path(set, each.digest))).toBe(202);
    expect((await list()).manifests).toEqual([]);
    await put(set, each, each.digest);
  }
}

describe.each(ALGORITHMS)('data sets by %s', (algorithm) => {
  it.each(Object.keys(SETS))('conformance: %s is pushed, listed, read and deleted, each 404 at once', async (what) => {
    const set = new DataSet(algorithm);
    SETS[what]!(set);
    await push(set, 'tagged');
    const top = set.manifests.at(-1)!;
    const tags = async (query = '') =>
      (await registry.request('GET', `/v2/${set.name}/tags/list${query}`)).json<{ tags: string[] }>().tags;
    expect([await tags(), await tags('?last=sss'), await tags('?n=0')]).toEqual([['tagged'], ['tagged'], []]);
    await read(set, top, 'tagged');
    for (const each of set.manifests) await read(set, each, each.digest);
    expect(await status('DELETE', path(set, 'tagged'))).toBe(202);
    expect([await status('GET', path(set, 'tagged')), await tags()]).toEqual([404, []]);
    await referrers(set);
    for (const each of set.manifests.toReversed()) {
      expect(await status('DELETE', path(set, each.digest))).toBe(202);
      for (const method of ['HEAD', 'GET']) expect(await status(method, path(set, each.digest))).toBe(404);
    }
    for (const digest of set.blobs.keys()) {
      expect(await status('DELETE', `/v2/${set.name}/blobs/${digest}`)).toBe(202);
      expect(await status('GET', `/v2/${set.name}/blobs/${digest}`)).toBe(404);
    }
  });

  it('conformance: an image is refused under a wrong digest, and one that is none', async () => {
    const set = new DataSet(algorithm);
    const image = set.image();
    await push(set, 'tagged');
    const headers = { 'content-type': image.mediaType };
    for (const digest of [sha('other', algorithm), `${algorithm}:baddigeststring`]) {
      const answer = await registry.request('PUT', path(set, digest), { headers, body: image.bytes });
      expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID']);
      expect([400, 404]).toContain(await status('GET', path(set, digest)));
    }
  });

  it('conformance: tag parameters set every tag of a push by digest', async () => {
    const set = new DataSet(algorithm);
    const image = set.image();
    await push(set, 'first');
    const wanted = Array.from({ length: 10 }, (_, at) => `t${at}`);
    const query = wanted.map((tag) => `tag=${tag}`).join('&');
    const headers = { 'content-type': image.mediaType };
    const answer = await registry.request('PUT', path(set, `${image.digest}?${query}`), { headers, body: image.bytes });
    expect([answer.status, answer.headers.get('oci-tag')]).toEqual([201, wanted.join(', ')]);
    for (const tag of wanted) await read(set, image, tag);
  });
});

describe('what is not there', () => {
  it('conformance: tags of a repository that never was are 404, its referrers an empty list', async () => {
    expect(await status('GET', '/v2/conformance/never/tags/list')).toBe(404);
    for (const algorithm of ALGORITHMS) {
      const answer = await registry.request('GET', `/v2/conformance/never/referrers/${sha('x', algorithm)}`);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, OCI_INDEX]);
      expect(answer.json()).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
    }
  });

  it('conformance: manifests by tag, by digest and by what is neither are 404', async () => {
    const set = new DataSet('sha256');
    set.image();
    await push(set, 'v1');
    for (const reference of ['missing', '.INVALID_MANIFEST_NAME', sha('none'), sha('none', 'sha512')])
      for (const method of ['HEAD', 'GET']) expect(await status(method, path(set, reference))).toBe(404);
    expect([400, 404]).toContain(await status('GET', path(set, 'sha256:totallywrong')));
  });

  it('conformance: four tags of one manifest, lists by n and last, deleted one by one', async () => {
    const set = new DataSet('sha256');
    const image = set.image();
    await push(set, 'test0');
    for (const tag of ['test1', 'test2', 'test3']) await put(set, image, tag);
    const list = async (query: string) =>
      (await registry.request('GET', `/v2/${set.name}/tags/list${query}`)).json<{ tags: string[] }>().tags;
    expect(await list('?n=2')).toEqual(['test0', 'test1']);
    expect(await list('?n=2&last=test1')).toEqual(['test2', 'test3']);
    expect(await status('DELETE', path(set, 'test1'))).toBe(202);
    expect(await list('')).toEqual(['test0', 'test2', 'test3']);
    expect(await status('DELETE', path(set, image.digest))).toBe(202);
    expect(await list('')).toEqual([]);
  });
});
