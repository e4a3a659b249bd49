import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attachments, digests, index, tagOf, type Listed } from './attachments.js';
import { OCI_INDEX, OCI_MANIFEST, pushImage, putManifest } from './content.js';
import { type RegistryProcess, sha, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const { referrers, attach, fallback } = attachments(() => registry);

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

  it('is let go of by clients that delete the index they read before its last referrer', async () => {
    const name = 'team/tidy';
    const subject = await pushImage(registry, name, 'v1');
    const artifact = await attach(name, subject);
    const remove = (digest: string) => registry.request('DELETE', `/v2/${name}/manifests/${digest}`);
    const rendered = sha((await fallback(name, subject.digest)).bytes);
    expect((await remove(rendered)).status).toBe(202);
    expect((await remove(artifact.digest)).status).toBe(202);
    expect((await remove(rendered)).code).toBe('MANIFEST_UNKNOWN');
    expect((await fallback(name, subject.digest)).status).toBe(404);
  });

  it('D13 lists as many as a manifest holds', async () => {
    const name = 'team/large';
    const subject = await pushImage(registry, name, 'v1');
    const note = { note: 'x'.repeat(1_500_000) };
    const large = [];
    for (const at of ['a', 'b', 'c']) large.push(await attach(name, subject, { annotations: { ...note, at } }));
    await putManifest(registry, name, tagOf(subject.digest), index([large[0]!]));
    const answer = await fallback(name, subject.digest);
    expect(digests(answer.json<{ manifests: Listed[] }>().manifests)).toEqual(digests(large.slice(0, 2)));
    expect(answer.bytes.length).toBeLessThan(4 * 1024 * 1024);
    await registry.request('DELETE', `/v2/${name}/manifests/${large[0]!.digest}`);
    const rest = (await fallback(name, subject.digest)).json<{ manifests: Listed[] }>().manifests;
    expect(digests(rest)).toEqual(digests(large.slice(1)));
  });

  it('for a sha512 subject is not taken by who names one that begins alike elsewhere', async () => {
    const hex = sha('subject', 'sha512').slice(7);
    const about = (digest: string) => ({ mediaType: OCI_MANIFEST, digest: `sha512:${digest}`, size: 7 });
    const others = ['0', 'f'].map((digit) => about(hex.slice(0, 64) + digit.repeat(64)));
    for (const subject of others) await attach('else/where', subject);
    const artifact = await attach('team/long', about(hex));
    const answer = await registry.request('GET', `/v2/team/long/manifests/sha512-${hex.slice(0, 64)}`);
    expect(digests(answer.json<{ manifests: Listed[] }>().manifests)).toEqual([artifact.digest]);
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
