import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Algorithm, DataSet, SETS } from './conformance-sets.js';
import { describe_, type Made, OCI_INDEX } from './content.js';
import { type RegistryProcess, sha, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const ALGORITHMS: readonly Algorithm[] = ['sha256', 'sha512'];
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
