import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  describe_,
  type Made,
  made,
  makeImage,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  putManifest,
} from './content.js';
import { type RegistryProcess, sha, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

interface Listed {
  readonly digest: string;
  readonly artifactType?: string;
  readonly annotations?: Record<string, string>;
}

const referrers = async (name: string, digest: string, query = '') => {
  const answer = await registry.request('GET', `/v2/${name}/referrers/${digest}${query}`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, OCI_INDEX]);
  return { answer, manifests: answer.json<{ manifests: Listed[] }>().manifests };
};
const digests = (list: readonly { digest: string }[]) => list.map((each) => each.digest);

let salt = 0;
async function attach(
  name: string,
  subject: Made | { digest: string; mediaType: string; size: number },
  extra: Record<string, unknown> = {},
) {
  const { mediaType, digest, size } = subject;
  const empty = await pushBlob(registry, name, Buffer.from('{}'), OCI_EMPTY);
  const artifact = made({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: 'application/vnd.example',
    config: empty,
    layers: [empty],
    subject: { mediaType, digest, size },
    annotations: { salt: String((salt += 1)) },
    ...extra,
  });
  const answer = await putManifest(registry, name, artifact.digest, artifact);
  expect([answer.status, answer.headers.get('oci-subject')]).toEqual([201, digest]);
  return artifact;
}

const tagOf = (digest: string) => digest.replace(':', '-');
const fallback = (name: string, subject: string) => registry.request('GET', `/v2/${name}/manifests/${tagOf(subject)}`);
const index = (manifests: readonly Made[]) =>
  made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: manifests.map(describe_) });

describe('referrers', () => {
  it('are an empty list for an unknown subject and for a repository that never was', async () => {
    await pushImage(registry, 'team/refs', 'v1');
    for (const name of ['team/refs', 'never/was']) expect((await referrers(name, sha('nobody'))).manifests).toEqual([]);
    const bad = await registry.request('GET', '/v2/team/refs/referrers/sha256:short');
    expect([bad.status, bad.code]).toEqual([400, 'DIGEST_INVALID']);
  });

  it('list images and indexes in the order of their push, with type and annotations of the manifests', async () => {
    const name = 'team/refs';
    const subject = await pushImage(registry, name, 'subject');
    const typed = await attach(name, subject);
    const untyped = await attach(name, subject, { artifactType: undefined });
    const list = made({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      artifactType: 'application/x-list',
      manifests: [],
      subject: describe_(subject),
    });
    expect((await putManifest(registry, name, list.digest, list)).headers.get('oci-subject')).toBe(subject.digest);
    const { manifests, answer } = await referrers(name, subject.digest);
    expect(digests(manifests)).toEqual(digests([typed, untyped, list]));
    expect(manifests.map((each) => each.artifactType)).toEqual([
      'application/vnd.example',
      OCI_EMPTY,
      'application/x-list',
    ]);
    expect(manifests[0]!.annotations).toHaveProperty('salt');
    expect(answer.headers.get('oci-filters-applied')).toBeNull();
  });

  it('are filtered by one type or several, and say so', async () => {
    const name = 'team/filtered';
    const subject = await pushImage(registry, name, 'v1');
    const [a, b] = [
      await attach(name, subject, { artifactType: 'a/a+json' }),
      await attach(name, subject, { artifactType: 'b/b' }),
    ];
    await attach(name, subject, { artifactType: 'c/c' });
    const one = await referrers(name, subject.digest, '?artifactType=a/a%2Bjson');
    expect([digests(one.manifests), one.answer.headers.get('oci-filters-applied')]).toEqual([
      [a.digest],
      'artifactType',
    ]);
    expect(digests((await referrers(name, subject.digest, '?artifactType=a/a+json')).manifests)).toEqual([a.digest]);
    const two = await referrers(name, subject.digest, '?artifactType=a/a%2Bjson&artifactType=b/b');
    expect(digests(two.manifests)).toEqual([a.digest, b.digest]);
  });

  it('may come before their subject', async () => {
    const name = 'team/early';
    const image = await makeImage(registry, name);
    const artifact = await attach(name, image);
    expect(digests((await referrers(name, image.digest)).manifests)).toEqual([artifact.digest]);
  });

  it('leave the list at once when they are deleted', async () => {
    const name = 'team/left';
    const subject = await pushImage(registry, name, 'v1');
    const [one, two] = [await attach(name, subject), await attach(name, subject)];
    expect((await registry.request('DELETE', `/v2/${name}/manifests/${one.digest}`)).status).toBe(202);
    expect(digests((await referrers(name, subject.digest)).manifests)).toEqual([two.digest]);
  });

  it('are listed on pages of at most 4 MiB that link to each other', async () => {
    const name = 'team/pages';
    const subject = await pushImage(registry, name, 'v1');
    const artifacts = [];
    for (let at = 0; at < 3; at += 1)
      artifacts.push(await attach(name, subject, { annotations: { pad: `${at}${'x'.repeat(2_000_000)}` } }));
    const first = await referrers(name, subject.digest);
    expect(first.answer.bytes.length).toBeLessThanOrEqual(4 * 1024 * 1024);
    const link = /<([^>]+)>; rel="next"/.exec(first.answer.headers.get('link')!)![1]!;
    const rest = (await registry.request('GET', link)).json<{ manifests: Listed[] }>().manifests;
    expect([...digests(first.manifests), ...digests(rest)]).toEqual(digests(artifacts));
  });
});

describe('the referrers tag schema', () => {
  it('is rendered for old readers when nobody stored it, by tag and by digest', async () => {
    const name = 'team/old-readers';
    const subject = await pushImage(registry, name, 'v1');
    expect((await fallback(name, subject.digest)).status).toBe(404);
    const artifact = await attach(name, subject);
    const answer = await fallback(name, subject.digest);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, OCI_INDEX]);
    expect(digests(answer.json<{ manifests: Listed[] }>().manifests)).toEqual([artifact.digest]);
    const byDigest = await registry.request('GET', `/v2/${name}/manifests/${sha(answer.bytes)}`);
    expect(byDigest.bytes.equals(answer.bytes)).toBe(true);
    const tags = await registry.request('GET', `/v2/${name}/tags/list`);
    expect(tags.json()).toEqual({ name, tags: ['v1'] });
  });

  it('keeps every referrer when an old client writes an index that lacks some', async () => {
    const name = 'team/old-writers';
    const subject = await pushImage(registry, name, 'v1');
    const [one, two] = [await attach(name, subject), await attach(name, subject)];
    const stale = index([two]);
    expect((await putManifest(registry, name, tagOf(subject.digest), stale)).headers.get('docker-content-digest')).toBe(
      stale.digest,
    );
    const served = (await fallback(name, subject.digest)).json<{ manifests: Listed[] }>().manifests;
    expect(digests(served)).toEqual([one.digest, two.digest]);
    expect(served[0]!.artifactType).toBe('application/vnd.example');
    expect((await registry.request('GET', `/v2/${name}/manifests/${stale.digest}`)).status).toBe(200);
  });

  it('takes in what comes by the API later, and lets go of what is deleted', async () => {
    const name = 'team/mixed';
    const subject = await pushImage(registry, name, 'v1');
    const one = await attach(name, subject);
    await putManifest(registry, name, tagOf(subject.digest), index([one]));
    const two = await attach(name, subject);
    const listed = async () =>
      digests((await fallback(name, subject.digest)).json<{ manifests: Listed[] }>().manifests);
    expect(await listed()).toEqual([one.digest, two.digest]);
    await registry.request('DELETE', `/v2/${name}/manifests/${one.digest}`);
    expect(await listed()).toEqual([two.digest]);
    await registry.request('DELETE', `/v2/${name}/manifests/${two.digest}`);
    expect((await fallback(name, subject.digest)).status).toBe(404);
  });

  it('stays equal to the API under many writers of both kinds at once', async () => {
    const name = 'team/crowd';
    const subject = await pushImage(registry, name, 'v1');
    const writers = Array.from({ length: 12 }, async (_, at) => {
      const artifact = await attach(name, subject);
      const old =
        at % 2 === 0 ? await putManifest(registry, name, tagOf(subject.digest), index([artifact])) : undefined;
      return { digest: artifact.digest, status: old?.status ?? 201 };
    });
    const done = await Promise.all(writers);
    const pushed = digests(done);
    expect(new Set(done.map((each) => each.status))).toEqual(new Set([201]));
    const api = digests((await referrers(name, subject.digest)).manifests);
    const tag = digests((await fallback(name, subject.digest)).json<{ manifests: Listed[] }>().manifests);
    expect(api.toSorted()).toEqual(pushed.toSorted());
    expect(tag).toEqual(api);
  });

  it('leaves a plain image of that name alone', async () => {
    const name = 'team/copied';
    const image = await pushImage(registry, name, 'v1');
    await attach(name, image);
    expect((await putManifest(registry, name, tagOf(image.digest), image)).status).toBe(201);
    expect((await fallback(name, image.digest)).headers.get('docker-content-digest')).toBe(image.digest);
    await attach(name, image);
    expect((await fallback(name, image.digest)).headers.get('docker-content-digest')).toBe(image.digest);
    const other = index([image]);
    await putManifest(registry, name, tagOf(sha('unrelated')), other);
    expect((await fallback(name, sha('unrelated'))).headers.get('docker-content-digest')).toBe(other.digest);
  });
});

describe('the prototype', () => {
  const TYPE = 'application/vnd.cncf.notary.v2';
  const links = (name: string, reference: string, query = `?artifact-type=${TYPE}`) =>
    registry.request('GET', `/v2/_ext/oci-artifacts/v1/${name}/manifests/${reference}/links${query}`);

  it('is pushed, discovered and deleted as its document says', async () => {
    const name = 'busybox';
    const image = await pushImage(registry, name, 'latest');
    expect((await links(name, image.digest)).json<{ links: unknown[] }>().links).toEqual([]);
    const config = await pushBlob(registry, name, Buffer.from('a.b.c'), 'application/vnd.cncf.notary.config.v2+jwt');
    const artifact = made({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.artifact.manifest.v1+json',
      artifactType: TYPE,
      config,
      manifests: [describe_(image)],
    });
    const put = await putManifest(registry, name, artifact.digest, artifact);
    expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, artifact.digest]);
    expect((await links(name, image.digest)).json()).toMatchObject({
      digest: image.digest,
      links: [JSON.parse(artifact.bytes.toString())],
    });
    expect((await links(name, 'latest')).json()).toMatchObject({ tag: 'latest' });
    const untyped = await links(name, image.digest, '');
    expect([untyped.status, untyped.code]).toEqual([400, 'ARTIFACT_TYPE_UNSPECIFIED']);
    expect((await links(name, 'latest', '?artifact-type=other')).json<{ links: unknown[] }>().links).toEqual([]);
    const unknown = await links(name, sha('unknown'));
    expect([unknown.status, unknown.code]).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect((await referrers(name, image.digest)).manifests).toMatchObject([
      { digest: artifact.digest, artifactType: TYPE },
    ]);
    const views = [
      `/v2/_ext/oci-artifacts/v1/${name}/manifests/latest/references`,
      `/v2/_ext/oci-artifacts/v1-rc1/${name}/manifests/latest/referrers`,
      `/v2/${name}/_oras/artifacts/referrers?digest=${image.digest}`,
    ];
    for (const view of views) expect((await registry.request('GET', view)).bytes.toString()).toContain(artifact.digest);
    await registry.request('DELETE', `/v2/${name}/manifests/${image.digest}`);
    expect((await links(name, image.digest)).status).toBe(404);
  });

  it('refuses an artifact whose target is not here', async () => {
    const name = 'team/proto';
    const config = await pushBlob(registry, name, Buffer.from('a.b'), 'application/x');
    const artifact = made({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.artifact.manifest.v1+json',
      artifactType: TYPE,
      config,
      manifests: [{ mediaType: OCI_MANIFEST, digest: sha('gone'), size: 4 }],
    });
    const put = await putManifest(registry, name, artifact.digest, artifact);
    expect([put.status, put.code]).toEqual([404, 'MANIFEST_BLOB_UNKNOWN']);
  });
});
