import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Descriptor } from '#oci/descriptor.js';
import { MediaType } from '#oci/media-types.js';
import { companionTagOf, fallbackTagOf } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import { formatOf } from '#signing/formats/all.js';
import type { FormatName, StoredManifest } from '#signing/formats/signature-format.js';
import { findClient } from '../../scripts/clients.mjs';
import { cosignSigner, notationSigner } from './keys.js';
import { descriptorOf, makeImage, makeIndex, manifestOf, pushBlob, pushImage, pushManifest } from './push-http.js';
import { startRegistry, type RunningRegistry } from './real-registries.js';
import { type SyncBench, startBench } from './syncing.js';

const NAME = 'team/app';
let bench: SyncBench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

/** Pushes the artifact that carries a signature, and gives its manifest. */
async function pushSignature(url: string, format: FormatName, subject: StoredManifest, bytes: Uint8Array) {
  const wrapped = formatOf(format).wrap!(subject, bytes, new Date());
  for (const { descriptor, bytes: blob } of wrapped.blobs) await pushBlob(url, NAME, descriptor.digest, blob);
  const manifest: StoredManifest = { ...wrapped.manifest.descriptor, bytes: wrapped.manifest.bytes };
  await pushManifest(url, NAME, manifest, wrapped.tag);
  return manifest;
}

async function signAndPush(url: string, format: FormatName, subject: StoredManifest, shape?: 'tag' | 'bundle') {
  const signer = format === 'notation' ? await notationSigner() : await cosignSigner(shape!);
  return pushSignature(url, format, subject, await signer.sign(subject, `example.com/${NAME}:one`, new Date()));
}

const fallbackIndex = (referrers: readonly (Descriptor & { artifactType?: string })[]) =>
  manifestOf({
    schemaVersion: 2,
    mediaType: MediaType.ociIndex,
    manifests: referrers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size, artifactType: 'x/y' })),
  });

async function signaturesOf(repository: string): Promise<string[]> {
  const rows = await rowsOf<{ scheme: string }>(
    bench.source,
    `select g.scheme from membership m join signature g on g.id = m.unit_id where m.repository_id = $1 and m.removed_in is null`,
    [repository],
  );
  return rows.map((row) => row.scheme).sort();
}

describe('an upstream without the referrers API', () => {
  let upstream: RunningRegistry;
  beforeEach(async (context) => {
    upstream = await startRegistry('docker-registry', context as never);
    return () => upstream.stop();
  });

  test('gives companion tags and fallback indexes of the tags that the filters take', async () => {
    const [one, two] = [
      await pushImage(upstream.url, NAME, makeImage(), 'one'),
      await pushImage(upstream.url, NAME, makeImage(), 'two'),
    ];
    for (const { manifest } of [one, two]) await signAndPush(upstream.url, 'cosign', manifest, 'tag');
    const referrer = await signAndPush(upstream.url, 'notation', one.manifest);
    await pushManifest(upstream.url, NAME, fallbackIndex([referrer]), fallbackTagOf(one.manifest.digest));
    const remote = await bench.makeRemote({ url: upstream.url, includes: ['on[ef]'] });
    const repository = await bench.makeRepository();
    const result = await bench.sync(repository, remote);
    expect(result.signatures).toEqual({
      extension: 0,
      lookaside: 0,
      companion_tags: 1,
      fallback_index: 1,
      referrers: 0,
    });
    expect(result.version?.content_summary.present).toMatchObject({ tag: 3, signature: 2 });
    expect(await signaturesOf(repository)).toEqual(['cosign:tag', 'notation:jws']);
    expect((await bench.sync(repository, remote)).changed).toBe(false);
  });

  test('takes no image under a fallback name for an index of referrers', async () => {
    const one = await pushImage(upstream.url, NAME, makeImage(), 'one');
    await pushManifest(upstream.url, NAME, one.manifest, fallbackTagOf(one.manifest.digest));
    const result = await bench.sync(
      await bench.makeRepository(),
      await bench.makeRemote({ url: upstream.url, includes: ['one'] }),
    );
    expect(result.version?.content_summary.present).toEqual({ blob: 2, manifest: 1, tag: 1 });
  });

  test('can be told not to send companions', async () => {
    const one = await pushImage(upstream.url, NAME, makeImage(), 'one');
    await signAndPush(upstream.url, 'cosign', one.manifest, 'tag');
    const remote = await bench.makeRemote({ url: upstream.url, excludes: ['sha256-*'] });
    const result = await bench.sync(await bench.makeRepository(), remote);
    expect(result.version?.content_summary.present).toEqual({ blob: 2, manifest: 1, tag: 1 });
  });

  test('gives an image by digest without a tag', async () => {
    const one = await pushImage(upstream.url, NAME, makeImage(), 'one');
    const remote = await bench.makeRemote({ url: upstream.url, includes: [one.manifest.digest] });
    const result = await bench.sync(await bench.makeRepository(), remote);
    expect(result.version?.content_summary.present).toEqual({ blob: 2, manifest: 1 });
  });

  test('with signed_only gives the signed images only, and with a trust policy those that are signed by the right key', async () => {
    const [one, two, three] = [
      await pushImage(upstream.url, NAME, makeImage(), 'one'),
      await pushImage(upstream.url, NAME, makeImage(), 'two'),
      await pushImage(upstream.url, NAME, makeImage(), 'three'),
    ];
    const signer = await cosignSigner('tag');
    await pushSignature(
      upstream.url,
      'cosign',
      one.manifest,
      await signer.sign(one.manifest, `${upstream.host}/${NAME}:one`, new Date()),
    );
    await signAndPush(upstream.url, 'cosign', two.manifest, 'tag');
    const remote = await bench.makeRemote({ url: upstream.url });
    const present = await bench.sync(await bench.makeRepository(), remote, { signedOnly: true });
    expect(present).toMatchObject({ skipped: ['three'], skippedCount: 1 });
    expect(present.version?.content_summary.present).toMatchObject({ tag: 4, signature: 2 });
    await bench.source.query(`insert into trust_policy (id, name, trust) values (gen_random_uuid(), 'ours', $1)`, [
      { cosign_keys: [signer.publicKey] },
    ]);
    const trusted = await bench.sync(await bench.makeRepository(), remote, { signedOnly: true, trustPolicy: 'ours' });
    expect(trusted).toMatchObject({ skipped: ['three', 'two'] });
    expect(trusted.version?.content_summary.present).toMatchObject({ manifest: 2, tag: 2, signature: 1 });
    expect(three.manifest.digest).not.toBe(two.manifest.digest);
  });
});

describe('an upstream with the referrers API', () => {
  let upstream: RunningRegistry;
  beforeEach(async (context) => {
    upstream = await startRegistry('olareg', context as never);
    return () => upstream.stop();
  });

  test('gives signatures of an image, of an index and of what the index lists', async () => {
    const [plain, listed] = [
      await pushImage(upstream.url, NAME, makeImage(), 'one'),
      await pushImage(upstream.url, NAME, makeImage()),
    ];
    const index = makeIndex([listed.manifest]);
    await pushManifest(upstream.url, NAME, index, 'many');
    await signAndPush(upstream.url, 'notation', plain.manifest);
    await signAndPush(upstream.url, 'cosign', index, 'bundle');
    await signAndPush(upstream.url, 'cosign', listed.manifest, 'bundle');
    const remote = await bench.makeRemote({ url: upstream.url });
    const repository = await bench.makeRepository();
    const result = await bench.sync(repository, remote);
    expect(result.signatures).toMatchObject({ referrers: 3 });
    expect(await signaturesOf(repository)).toEqual(['cosign:bundle', 'cosign:bundle', 'notation:jws']);
    expect((await bench.sync(repository, remote)).changed).toBe(false);
    await signAndPush(upstream.url, 'notation', plain.manifest);
    expect((await bench.sync(repository, remote)).version?.content_summary.added).toMatchObject({
      signature: 1,
      manifest: 1,
    });
  });

  test('gives referrers of referrers at any depth, of what an index among them lists, and of companions', async () => {
    const one = await pushImage(upstream.url, NAME, makeImage(), 'one');
    let last = one.manifest;
    for (let depth = 0; depth < 6; depth += 1)
      last = (await pushImage(upstream.url, NAME, makeImage({ subject: last }))).manifest;
    const listed = await pushImage(upstream.url, NAME, makeImage());
    const manifests = [descriptorOf(listed.manifest)];
    const subject = descriptorOf(one.manifest);
    const index = manifestOf({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests, subject });
    await pushManifest(upstream.url, NAME, index);
    await pushImage(upstream.url, NAME, makeImage({ subject: listed.manifest }));
    const sbom = await pushImage(upstream.url, NAME, makeImage(), companionTagOf(one.manifest.digest, 'sbom'));
    await pushImage(upstream.url, NAME, makeImage({ subject: sbom.manifest }));
    await signAndPush(upstream.url, 'cosign', sbom.manifest, 'tag');
    await pushImage(upstream.url, NAME, makeImage(), 'other');
    for (const fields of [{}, { includes: ['one'] }]) {
      const remote = await bench.makeRemote({ url: upstream.url, ...fields });
      const result = await bench.sync(await bench.makeRepository(), remote);
      const others = fields.includes ? 0 : 1;
      expect(result.version?.content_summary.present).toMatchObject({ manifest: 13 + others, tag: 3 + others });
    }
  });

  test('gives with signed_only what is attached to the attachments of a signed image', async () => {
    const one = await pushImage(upstream.url, NAME, makeImage(), 'one');
    await signAndPush(upstream.url, 'cosign', one.manifest, 'tag');
    const sbom = await pushImage(upstream.url, NAME, makeImage(), companionTagOf(one.manifest.digest, 'sbom'));
    await signAndPush(upstream.url, 'cosign', sbom.manifest, 'tag');
    const two = await pushImage(upstream.url, NAME, makeImage(), 'two');
    await pushImage(upstream.url, NAME, makeImage(), companionTagOf(two.manifest.digest, 'sbom'));
    const remote = await bench.makeRemote({ url: upstream.url });
    const result = await bench.sync(await bench.makeRepository(), remote, { signedOnly: true });
    expect(result.skipped).toEqual(['two']);
    expect(result.version?.content_summary.present).toMatchObject({ tag: 4, signature: 2 });
  });

  test('gives what the oras client attached', async (context) => {
    const oras = findClient('oras');
    if (!oras && process.env['HALLMARK_REQUIRE_CLIENTS'] !== '1')
      context.skip('needs oras: scripts/install-clients.sh oras');
    const one = await pushImage(upstream.url, NAME, makeImage(), 'one');
    const reference = `${upstream.host}/${NAME}@${one.manifest.digest}`;
    execFileSync(oras!, ['attach', '--plain-http', '--artifact-type', 'example/doc', reference, 'package.json'], {
      stdio: 'ignore',
    });
    const result = await bench.sync(await bench.makeRepository(), await bench.makeRemote({ url: upstream.url }));
    expect(result.version?.content_summary.present).toMatchObject({ manifest: 2, tag: 1 });
  });
});

describe('a mirror', () => {
  let upstream: RunningRegistry;
  beforeEach(async (context) => {
    upstream = await startRegistry('docker-registry', context as never);
    return () => upstream.stop();
  });

  test('drops what is gone upstream and keeps signatures that were made here of what stays', async () => {
    const one = await pushImage(upstream.url, NAME, makeImage(), 'one');
    await signAndPush(upstream.url, 'cosign', one.manifest, 'tag');
    const two = await pushImage(upstream.url, NAME, makeImage(), 'two');
    const remote = await bench.makeRemote({ url: upstream.url });
    const repository = await bench.makeRepository();
    await bench.sync(repository, remote, { mirror: true });
    const own = await cosignSigner('tag');
    const { storeSignatures } = await import('#signing/store/store-signatures.js');
    for (const { manifest } of [one, two])
      await storeSignatures(bench, repository, [
        {
          format: 'cosign',
          manifest,
          bytes: await own.sign(manifest, 'here/app:one', new Date()),
          signingServiceId: remote.id,
        },
      ]);
    expect(await bench.head(repository)).toMatchObject({ present: { tag: 4, signature: 3 } });
    await fetch(`${upstream.url}/v2/${NAME}/manifests/${two.manifest.digest}`, { method: 'DELETE' });
    const result = await bench.sync(repository, remote, { mirror: true });
    expect(result.version?.content_summary.present).toMatchObject({ tag: 2, signature: 2 });
    const tags = await rowsOf<{ name: string }>(
      bench.source,
      'select tag_name as name from membership where repository_id = $1 and removed_in is null and tag_name is not null order by 1',
      [repository],
    );
    expect(tags.map((tag) => tag.name)).toEqual(['one', companionTagOf(one.manifest.digest, 'sig')]);
    expect((await bench.sync(repository, remote, { mirror: true })).changed).toBe(false);
  });

  test('E9 of an upstream that lost all its tags is refused', async () => {
    const one = await pushImage(upstream.url, NAME, makeImage(), 'one');
    const remote = await bench.makeRemote({ url: upstream.url });
    const repository = await bench.makeRepository();
    await bench.sync(repository, remote, { mirror: true });
    await fetch(`${upstream.url}/v2/${NAME}/manifests/${one.manifest.digest}`, { method: 'DELETE' });
    await expect(bench.sync(repository, remote, { mirror: true })).rejects.toThrow(/no tags at all|gave 404/);
    expect(await bench.head(repository)).toMatchObject({ number: 1, present: { tag: 1 } });
  });
});
