import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attachments, digests, type Listed } from './attachments.js';
import { describe_, made, makeImage, OCI_EMPTY, OCI_INDEX, pushImage, putManifest } from './content.js';
import { type RegistryProcess, sha, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const { referrers, attach, fallback } = attachments(() => registry);

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

  it('G4 may come before their subject', async () => {
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

  it('D13 are listed on pages of at most 4 MiB that link to each other', async () => {
    const name = 'team/pages';
    const subject = await pushImage(registry, name, 'v1');
    const artifacts = [];
    for (let at = 0; at < 3; at += 1)
      artifacts.push(await attach(name, subject, { annotations: { pad: `${at}${'x'.repeat(2_000_000)}` } }));
    const first = await referrers(name, subject.digest);
    expect(first.answer.bytes.length).toBeLessThanOrEqual(4 * 1024 * 1024);
    const link = /<([^>]+)>; rel="next"/.exec(first.answer.headers.get('link')!)![1]!;
    const rest = await registry.request('GET', link);
    expect(digests([...first.manifests, ...rest.json<{ manifests: Listed[] }>().manifests])).toEqual(
      digests(artifacts),
    );
    const oras = await registry.request('GET', `/v2/${name}/_oras/artifacts/referrers?digest=${subject.digest}`);
    const next = /<([^>]+)>; rel="next"/.exec(oras.headers.get('link')!)![1]!;
    const others = await registry.request('GET', next);
    expect(digests([oras, others].flatMap((each) => each.json<{ referrers: Listed[] }>().referrers))).toEqual(
      digests(artifacts),
    );
    expect((await fallback(name, subject.digest)).bytes.length).toBeLessThanOrEqual(4 * 1024 * 1024);
    for (const last of ['x', sha('x')]) {
      const answer = await registry.request('GET', `/v2/${name}/referrers/${subject.digest}?last=${last}`);
      expect([answer.status, answer.code]).toEqual([400, 'UNSUPPORTED']);
    }
  });

  it('D13 that are too many for one answer are refused by the prototype, which has no pages', async () => {
    const name = 'team/heavy';
    const subject = await pushImage(registry, name, 'v1');
    const references = () =>
      registry.request('GET', `/v2/_ext/oci-artifacts/v1/${name}/manifests/v1/references?artifact-type=heavy/x`);
    for (let at = 0; at < 4; at += 1) {
      if (at < 3) expect((await references()).json<{ references: object[] }>().references.length).toBe(at);
      const annotations = { pad: `${at}${'x'.repeat(4_000_000)}` };
      await attach(name, subject, { artifactType: 'heavy/x', annotations });
    }
    expect([(await references()).status, (await references()).code]).toEqual([413, 'SIZE_INVALID']);
    expect((await referrers(name, subject.digest)).manifests.length).toBe(1);
  });
});
