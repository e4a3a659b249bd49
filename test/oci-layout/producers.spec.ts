import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as openpgp from 'openpgp';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { companionTagOf, fallbackTagOf } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import { keyPair } from '#signing/formats/cosign/fixtures.js';
import { formatOf } from '#signing/formats/all.js';
import type { StoredManifest } from '#signing/formats/signature-format.js';
import { verifyStored } from '#storage/verify-stored.js';
import { LayoutFiles } from '#transfer/oci-layout/import/layout-files.js';
import { blobPath } from '#transfer/oci-layout/layout-names.js';
import { archive, indexOf, layoutMembers, type Member } from './archives.js';
import { openWorld, type World } from './world.js';

let world: World;
let repositoryId: string;
const REF = 'org.opencontainers.image.ref.name';
const KIND = 'kind';
const MIB = 1024 * 1024;

beforeEach(async () => {
  world = await openWorld();
  repositoryId = await world.repository();
});
afterEach(() => world.close());

const tags = async () =>
  (
    await rowsOf<{ name: string }>(
      world.source,
      'select tag_name as name from membership where repository_id = $1 and removed_in is null and tag_name is not null order by 1',
      [repositoryId],
    )
  ).map((row) => row.name);

/** The manifest that a layout of one image lists. */
function manifestOf(members: readonly Member[]): StoredManifest {
  const index = JSON.parse(String(members[1]!.bytes)) as {
    manifests: { digest: string; mediaType: string; size: number }[];
  };
  const { digest, mediaType, size } = index.manifests[0]!;
  const { bytes } = members.find(({ path }) => path === blobPath(digest))!;
  return { digest, mediaType, size, bytes: Buffer.from(bytes!) };
}

const describeManifest = ({ mediaType, digest, size }: StoredManifest) => ({ mediaType, digest, size });
const blobMember = (bytes: Uint8Array): Member => ({ path: blobPath(digestOf(bytes)), bytes: Buffer.from(bytes) });

/** The same layout with another index. */
function withIndex(members: readonly Member[], manifests: readonly object[], more: readonly Member[] = []): Buffer {
  const all = [members[0]!, { path: 'index.json', bytes: indexOf(manifests) }, ...members.slice(2), ...more];
  return archive([...new Map(all.map((each) => [each.path, each])).values()]);
}

/** The files of a cosign signature of an image. */
async function cosignFiles(image: StoredManifest, shape: 'tag' | 'bundle') {
  const signer = await formatOf('cosign').openSigner({ privateKey: keyPair().privateKey, shape });
  const wrapped = formatOf('cosign').wrap!(image, await signer.sign(image, 'example.com/a:v1', new Date()), new Date());
  const { descriptor, bytes } = wrapped.manifest;
  return { descriptor, files: [blobMember(bytes), ...wrapped.blobs.map((blob) => blobMember(blob.bytes))] };
}

describe('names in a layout', () => {
  it.each([
    ['a bare tag', { [REF]: 'v1' }, ['v1']],
    ['a full reference', { [REF]: 'registry.example.com:5000/team/app:v2' }, ['v2']],
    ['a full reference with a digest', { [REF]: `docker.io/a/b:v3@sha256:${'a'.repeat(64)}` }, ['v3']],
    ['what containerd alone writes', { 'io.containerd.image.name': 'docker.io/library/busybox:v4' }, ['v4']],
    ['no name', {}, []],
    ['a name that is no tag', { [REF]: 'some/path' }, []],
  ])('reads %s', async (_what, annotations, expected) => {
    const members = await layoutMembers('named', annotations);
    const report = await world.import(repositoryId, archive(members));
    expect(await tags()).toEqual(expected);
    expect(report.untagged).toEqual(expected.length > 0 ? [] : [manifestOf(members).digest]);
    expect(report).toMatchObject({ images: 1, version: 1 });
  });

  it('refuses one tag for two images', async () => {
    const [one, two] = [await layoutMembers('one'), await layoutMembers('two')];
    const annotations = { [REF]: 'v1' };
    const both = [manifestOf(one), manifestOf(two)].map((each) => ({ ...describeManifest(each), annotations }));
    await expect(world.import(repositoryId, withIndex(one, both, two.slice(2)))).rejects.toThrow(/gives the tag v1 to/);
    expect(await world.head(repositoryId)).toBe(0);
  });

  it('takes two tags of one image', async () => {
    const members = await layoutMembers('one');
    const entries = ['a', 'b'].map((tag) => ({
      ...describeManifest(manifestOf(members)),
      annotations: { [REF]: tag },
    }));
    await world.import(repositoryId, withIndex(members, entries));
    expect(await tags()).toEqual(['a', 'b']);
  });
});

describe('large blobs', () => {
  it('are stored while they are checked, and not read again', async () => {
    const readAgain = vi.spyOn(LayoutFiles.prototype, 'stream');
    const layers = [randomBytes(5 * MIB), randomBytes(6 * MIB + 1), Buffer.from('small')];
    const described = layers.map((bytes) => ({
      mediaType: MediaType.ociLayer,
      digest: digestOf(bytes),
      size: bytes.length,
    }));
    const members = await layoutMembers('large', { [REF]: 'v1' }, { layers: described });
    const layout = archive([...members, ...layers.map(blobMember)]);
    expect(await world.import(repositoryId, layout)).toMatchObject({ blobs: 4, version: 1 });
    expect(readAgain.mock.calls.map(([{ size }]) => size).every((size) => size < MIB)).toBe(true);
    for (const { digest, size } of described) expect(await verifyStored(world.store, digest)).toBe(size);
    const again = await world.repository('team/again');
    expect(await world.import(again, gzipSync(layout))).toMatchObject({ blobs: 4, version: 1 });
    expect(await readdir(join(world.dataDir, 'uploads'))).toEqual([]);
    readAgain.mockRestore();
  });
});

describe('blobs in an index', () => {
  it('are taken with an index that has a name, go out again, and are left out of index.json itself', async () => {
    const members = await layoutMembers('image');
    const image = manifestOf(members);
    const cache = Buffer.from('{"layers":[]}');
    const entry = { mediaType: 'application/vnd.buildkit.cacheconfig.v0', digest: digestOf(cache), size: cache.length };
    const index = Buffer.from(indexOf([describeManifest(image), entry]));
    const listed = { mediaType: MediaType.ociIndex, digest: digestOf(index), size: index.length };
    const entries = [{ ...listed, annotations: { [REF]: 'cache' } }, entry];
    const layout = withIndex(members, entries, [blobMember(index), blobMember(cache)]);
    expect(await world.import(repositoryId, layout)).toMatchObject({ tags: 1, images: 1, indexes: 1, blobs: 3 });
    const exported = await world.export(repositoryId);
    expect(exported.includes(blobPath(digestOf(cache)))).toBe(true);
    expect(await world.import(repositoryId, exported)).toMatchObject({ version: null, blobs: 3 });
    const cut = withIndex(members, entries, [blobMember(index)]);
    await expect(world.import(repositoryId, cut)).rejects.toThrow(`lacks 1 of the files that it names; copy it whole`);
  });
});

describe('signatures in a layout', () => {
  it('finds referrers that the index does not list, at any depth, and leaves those of others', async () => {
    const image = await layoutMembers('image');
    const { descriptor, files } = await cosignFiles(manifestOf(image), 'bundle');
    const deeper = await layoutMembers('deeper', {}, { subject: descriptor });
    const stranger = await layoutMembers('stranger', {}, { subject: { ...descriptor, digest: digestOf('elsewhere') } });
    const own = JSON.parse(String(image[1]!.bytes)) as { manifests: object[] };
    const report = await world.import(
      repositoryId,
      withIndex(image, own.manifests, [...files, ...deeper.slice(2), ...stranger.slice(2)]),
    );
    expect(report).toMatchObject({ images: 1, manifests: 3, signaturesByFormat: { cosign: 1 }, untagged: [] });
  });

  it('gives signatures of cosign their tag, when they sign an image of the layout', async () => {
    const image = await layoutMembers('image', { [KIND]: 'dev.cosignproject.cosign/image' });
    const other = await layoutMembers('other');
    const own = JSON.parse(String(image[1]!.bytes)) as { manifests: object[] };
    const marked = (descriptor: object) => ({
      ...descriptor,
      annotations: { [KIND]: 'dev.cosignproject.cosign/sigs' },
    });
    const wrong = await cosignFiles(manifestOf(other), 'tag');
    await expect(
      world.import(repositoryId, withIndex(image, [...own.manifests, marked(wrong.descriptor)], wrong.files)),
    ).rejects.toThrow(/of no image of the layout/);
    expect(await world.head(repositoryId)).toBe(0);
    const right = await cosignFiles(manifestOf(image), 'tag');
    await world.import(repositoryId, withIndex(image, [...own.manifests, marked(right.descriptor)], right.files));
    expect(await tags()).toEqual([companionTagOf(manifestOf(image).digest, 'sig')]);
  });

  it('takes in what an index of the referrers tag schema lists, without its tag', async () => {
    const image = await layoutMembers('image');
    const subject = manifestOf(image);
    const referrer = await layoutMembers('referrer', {}, { subject: describeManifest(subject) });
    const fallback = Buffer.from(indexOf([describeManifest(manifestOf(referrer))]));
    const entries = [
      { ...describeManifest(subject), annotations: { [REF]: 'v1' } },
      {
        mediaType: MediaType.ociIndex,
        digest: digestOf(fallback),
        size: fallback.length,
        annotations: { [REF]: fallbackTagOf(subject.digest) },
      },
    ];
    const bytes = withIndex(image, entries, [...referrer.slice(2), blobMember(fallback)]);
    expect(await world.import(repositoryId, bytes)).toMatchObject({ tags: 1, manifests: 2, images: 1 });
    expect(await tags()).toEqual(['v1']);
    const relations = await rowsOf(world.source, 'select 1 from relation where subject_digest = $1', [subject.digest]);
    expect(relations).toHaveLength(1);
  });

  it('keeps a plain image under a tag of that form as the tag that it is', async () => {
    const members = await layoutMembers('copied');
    const tag = fallbackTagOf(manifestOf(members).digest);
    await world.import(
      repositoryId,
      withIndex(members, [{ ...describeManifest(manifestOf(members)), annotations: { [REF]: tag } }]),
    );
    expect(await tags()).toEqual([tag]);
  });

  it('takes simple signatures of the lookaside tree, bound to the manifest of their folder', async () => {
    const { privateKey } = await openpgp.generateKey({ userIDs: [{ email: 'a@example.com' }], format: 'armored' });
    const signer = await formatOf('simple').openSigner({ privateKey });
    const members = await layoutMembers('image');
    const image = manifestOf(members);
    const bytes = Buffer.from(await signer.sign(image, 'example.com/team/app:v1', new Date()));
    const at = (digest: string): Member => ({
      path: `signatures/atomic/team/app@${digest.replace(':', '=')}/signature-1`,
      bytes,
    });
    const other = await layoutMembers('other');
    const both = [image, manifestOf(other)].map((each, n) => ({
      ...describeManifest(each),
      annotations: { [REF]: `v${n}` },
    }));
    await expect(
      world.import(repositoryId, withIndex(members, both, [...other.slice(2), at(manifestOf(other).digest)])),
    ).rejects.toThrow(/not the manifest that its folder names/);
    const report = await world.import(repositoryId, archive([...members, at(image.digest), at(digestOf('absent'))]));
    expect(report).toMatchObject({ signatures: 1, signaturesByFormat: { simple: 1 } });
    const rows = await rowsOf<{ manifest_digest: string; format: string }>(
      world.source,
      'select manifest_digest, format from signature',
    );
    expect(rows).toEqual([{ manifest_digest: image.digest, format: 'simple' }]);
  });
});
