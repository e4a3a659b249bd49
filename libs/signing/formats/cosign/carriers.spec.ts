import { describe, expect, it } from 'vitest';
import type { Descriptor } from '#oci/descriptor.js';
import { digestOf, EMPTY_JSON_DIGEST } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { notFound } from '#platform/domain-error.js';
import { sampleManifest } from '../format-suite.js';
import type { Carrier, WrappedSignature } from '../signature-format.js';
import { store, storeBytes } from './companion-manifest.js';
import { cosignFormat } from './cosign-format.js';
import { bundle, envelope, keyPair, NOW, REFERENCE, statement } from './fixtures.js';
import { encodeLayerDocument } from './layer-document.js';
import { mergeCompanionManifests } from './merge.js';

const pair = keyPair();
const subject = sampleManifest();
const wrap = (signature: Uint8Array, existing?: Uint8Array) => cosignFormat.wrap!(subject, signature, NOW, existing);
const signed = async (shape: 'tag' | 'bundle' = 'tag', reference = REFERENCE) =>
  (await cosignFormat.openSigner({ privateKey: pair.privateKey, shape })).sign(subject, reference, NOW);
const read = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
const layersOf = (bytes: Uint8Array) => read(bytes)['layers'] as Descriptor[];

function carrier(wrapped: Pick<WrappedSignature, 'blobs' | 'manifest' | 'tag'>, tag = wrapped.tag): Carrier {
  const { descriptor, bytes } = wrapped.manifest;
  return {
    manifest: { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size, bytes },
    subject: subject.digest,
    ...(tag === undefined ? {} : { tag }),
    fetch: async ({ digest }) => {
      const blob = wrapped.blobs.find(({ descriptor: { digest: own } }) => own === digest);
      if (!blob) throw notFound(`There is no blob ${digest}.`);
      return blob.bytes;
    },
  };
}

describe('cosign companion manifests', () => {
  it('take one layer for each signature and name the layers in their config', async () => {
    const first = wrap(await signed());
    const second = wrap(await signed('tag', 'registry.example.com/team/app:2.0'), first.manifest.bytes);
    expect(second.tag).toBe(`sha256-${subject.digest.slice(7)}.sig`);
    const layers = layersOf(second.manifest.bytes);
    expect(layers).toHaveLength(2);
    expect(layers[0]).toEqual(layersOf(first.manifest.bytes)[0]);
    const config = second.blobs.find(({ descriptor }) => descriptor.mediaType === MediaType.ociConfig)!;
    expect(read(config.bytes)['rootfs']).toEqual({ type: 'layers', diff_ids: layers.map(({ digest }) => digest) });
    expect(read(second.manifest.bytes)['config']).toEqual(config.descriptor);
  });

  it('keep foreign layers and members, and take the same signature once', async () => {
    const signature = await signed();
    const foreign = { mediaType: 'application/vnd.example.note', digest: digestOf('note'), size: 4 };
    const existing = read(wrap(signature).manifest.bytes);
    existing['layers'] = [foreign, ...(existing['layers'] as Descriptor[])];
    existing['annotations'] = { note: 'kept' };
    const again = read(wrap(signature, Buffer.from(JSON.stringify(existing))).manifest.bytes);
    expect(again['layers']).toEqual(existing['layers']);
    expect(again['annotations']).toEqual({ note: 'kept' });
  });

  it('refuse a tag that leads to something else, and more than 1000 layers', async () => {
    const signature = await signed();
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [] }));
    expect(() => wrap(signature, index)).toThrow(/does not lead to an OCI image manifest/);
    const full = read(wrap(signature).manifest.bytes);
    full['layers'] = Array.from({ length: 1000 }, (_, n) => ({
      mediaType: 'x/y',
      digest: digestOf(String(n)),
      size: 1,
    }));
    expect(() => wrap(signature, Buffer.from(JSON.stringify(full)))).toThrow(/already carries 1000/);
  });

  it('give back what they carry, and leave out what is damaged or missing', async () => {
    const [one, two] = [await signed(), await signed('tag', 'registry.example.com/team/app:2.0')];
    const [first, last] = [wrap(one), wrap(two)];
    const both = wrap(two, first.manifest.bytes);
    const all = { ...both, blobs: [...both.blobs, ...first.blobs] };
    const found = await cosignFormat.extract!(carrier(all));
    expect(found.map(({ bytes }) => Buffer.from(bytes))).toEqual([one, two].map((bytes) => Buffer.from(bytes)));
    expect(found.map(({ parsed }) => parsed.scheme)).toEqual(['cosign:tag', 'cosign:tag']);
    const missing = await cosignFormat.extract!(carrier({ ...both, blobs: last.blobs }));
    expect(missing).toHaveLength(1);
    const damaged = all.blobs.map((blob) => ({ ...blob, bytes: Buffer.from(blob.bytes).reverse() }));
    expect(await cosignFormat.extract!(carrier({ ...all, blobs: damaged }))).toEqual([]);
  });

  it('pass an outage on', async () => {
    const broken = { ...carrier(wrap(await signed())), fetch: () => Promise.reject(new Error('connection lost')) };
    await expect(cosignFormat.extract!(broken)).rejects.toThrow('connection lost');
  });

  it('carry attestations under .att and SBOMs under .sbom', async () => {
    const payload = Buffer.from(JSON.stringify(envelope(statement({ predicateType: 'x' }), pair.privateKey)));
    const att = wrap(encodeLayerDocument({ mimeType: MediaType.dsseEnvelope, payload, annotations: {} }));
    expect(att.tag).toMatch(/\.att$/);
    expect((await cosignFormat.extract!(carrier(att)))[0]!.parsed).toMatchObject({
      kind: 'attestation',
      predicateType: 'x',
    });
    const text = { mimeType: 'text/spdx', payload: Buffer.from('SPDX'), annotations: {} };
    const sbom = wrap(encodeLayerDocument(text));
    expect(sbom.tag).toMatch(/\.sbom$/);
    expect((await cosignFormat.extract!(carrier(sbom)))[0]!.parsed.kind).toBe('sbom');
  });

  it('are read as referrers of the experimental kind', async () => {
    const wrapped = wrap(await signed());
    const document = { ...read(wrapped.manifest.bytes), subject: { mediaType: 'x', digest: subject.digest, size: 1 } };
    const { tag: _, ...untagged } = { ...wrapped, manifest: store(MediaType.ociManifest, document) };
    expect((await cosignFormat.extract!(carrier(untagged)))[0]!.parsed.scheme).toBe('cosign:oci11');
  });

  it('of ordinary images hold nothing', async () => {
    const image = { mediaType: subject.mediaType, digest: subject.digest, size: subject.size };
    expect(
      await cosignFormat.extract!(carrier({ blobs: [], manifest: { descriptor: image, bytes: subject.bytes } })),
    ).toEqual([]);
  });
});

describe('cosign bundle referrers', () => {
  it('are written as cosign 3 writes them', async () => {
    const signature = await signed('bundle');
    const wrapped = wrap(signature);
    expect(wrapped.tag).toBeUndefined();
    expect(read(wrapped.manifest.bytes)).toEqual({
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      artifactType: MediaType.sigstoreBundle,
      config: {
        mediaType: MediaType.ociEmpty,
        size: 2,
        digest: EMPTY_JSON_DIGEST,
        artifactType: MediaType.sigstoreBundle,
      },
      layers: [{ mediaType: MediaType.sigstoreBundle, size: signature.length, digest: digestOf(signature) }],
      subject: { mediaType: subject.mediaType, size: subject.size, digest: subject.digest },
      annotations: {
        'org.opencontainers.image.created': '2026-06-01T12:00:00Z',
        'dev.sigstore.bundle.content': 'dsse-envelope',
        'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
      },
    });
    expect(wrapped.blobs.map(({ descriptor, bytes }) => digestOf(bytes) === descriptor.digest)).toEqual([true, true]);
  });

  it('are known by their layer, whatever the artifact type says', async () => {
    const signature = bundle(envelope(statement({ predicateType: 'x' }), pair.privateKey));
    const wrapped = wrap(signature);
    const document = { ...read(wrapped.manifest.bytes), artifactType: MediaType.ociEmpty };
    const found = await cosignFormat.extract!(
      carrier({ ...wrapped, manifest: store(MediaType.ociManifest, document) }),
    );
    expect(found).toMatchObject([{ parsed: { scheme: 'cosign:bundle', kind: 'attestation' } }]);
    expect(Buffer.from(found[0]!.bytes)).toEqual(signature);
  });

  it('with two layers or a broken bundle hold nothing', async () => {
    const wrapped = wrap(await signed('bundle'));
    const twice = { ...read(wrapped.manifest.bytes) };
    twice['layers'] = [...(twice['layers'] as Descriptor[]), ...(twice['layers'] as Descriptor[])];
    const broken = storeBytes(MediaType.sigstoreBundle, Buffer.from('{"mediaType":'));
    const damaged = { ...read(wrapped.manifest.bytes), layers: [broken.descriptor] };
    for (const document of [twice, damaged]) {
      const manifest = store(MediaType.ociManifest, document);
      expect(await cosignFormat.extract!(carrier({ blobs: [...wrapped.blobs, broken], manifest }))).toEqual([]);
    }
  });
});

describe('merging companion manifests', () => {
  it('keeps the layers of both, newest last, each once', async () => {
    const base = wrap(await signed()).manifest.bytes;
    const [one, two] = [
      wrap(await signed('tag', 'a.example.com/b:1'), base),
      wrap(await signed('tag', 'a.example.com/b:2'), base),
    ];
    const merged = mergeCompanionManifests(one.manifest.bytes, two.manifest.bytes)!;
    expect(layersOf(merged.manifest.bytes)).toEqual([...layersOf(one.manifest.bytes), layersOf(two.manifest.bytes)[1]]);
    expect(read(merged.manifest.bytes)['config']).toEqual(merged.config.descriptor);
    expect(mergeCompanionManifests(one.manifest.bytes, two.manifest.bytes)).toEqual(merged);
    expect(mergeCompanionManifests(merged.manifest.bytes, base)!.manifest).toEqual(merged.manifest);
  });

  it('refuses manifests of different kinds, with different members, and of other types', async () => {
    const sig = wrap(await signed()).manifest.bytes;
    const payload = Buffer.from(JSON.stringify(envelope(statement(), pair.privateKey)));
    const att = wrap(encodeLayerDocument({ mimeType: MediaType.dsseEnvelope, payload, annotations: {} })).manifest
      .bytes;
    const noted = Buffer.from(JSON.stringify({ ...read(sig), annotations: { note: 'other' } }));
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [] }));
    for (const second of [att, noted, index, Buffer.from('nothing')])
      expect(mergeCompanionManifests(sig, second)).toBeNull();
  });
});
