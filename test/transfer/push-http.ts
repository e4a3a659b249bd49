import { randomBytes } from 'node:crypto';
import type { Descriptor } from '#oci/descriptor.js';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import type { StoredManifest } from '#signing/formats/signature-format.js';

/** An image with its blobs, not pushed yet. */
export interface MadeImage {
  readonly manifest: StoredManifest;
  readonly blobs: readonly { readonly digest: string; readonly bytes: Buffer }[];
}

/** An image of one random layer, or of the given ones. */
export function makeImage(options: { layers?: Buffer[]; subject?: Descriptor; artifactType?: string } = {}): MadeImage {
  const layers = (options.layers ?? [randomBytes(300)]).map((bytes) => ({ digest: digestOf(bytes), bytes }));
  const configBytes = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { made: randomBytes(4).toString('hex') } },
    }),
  );
  const config = { digest: digestOf(configBytes), bytes: configBytes };
  const manifest = manifestOf({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    ...(options.artifactType ? { artifactType: options.artifactType } : {}),
    config: { mediaType: MediaType.ociConfig, digest: config.digest, size: configBytes.length },
    layers: layers.map(({ digest, bytes }) => ({ mediaType: MediaType.ociLayer, digest, size: bytes.length })),
    ...(options.subject ? { subject: descriptorOf(options.subject) } : {}),
  });
  return { manifest, blobs: [config, ...layers] };
}

/** An index over manifests. */
export function makeIndex(manifests: readonly StoredManifest[]): StoredManifest {
  return manifestOf({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: manifests.map(descriptorOf) });
}

/** The manifest of a document. */
export function manifestOf(document: {
  readonly mediaType: string;
  readonly [member: string]: unknown;
}): StoredManifest {
  const bytes = Buffer.from(JSON.stringify(document));
  return { mediaType: document.mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}

/** The plain descriptor of something. */
export const descriptorOf = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size });

/** Pushes an image with its blobs by plain HTTP, under a tag or by digest. */
export async function pushImage(url: string, name: string, image: MadeImage, tag?: string): Promise<MadeImage> {
  for (const { digest, bytes } of image.blobs) await pushBlob(url, name, digest, bytes);
  await pushManifest(url, name, image.manifest, tag);
  return image;
}

/** Pushes one blob. */
export async function pushBlob(url: string, name: string, digest: string, bytes: Uint8Array): Promise<void> {
  const started = await fetch(`${url}/v2/${name}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(started.headers.get('location')!, url);
  location.searchParams.set('digest', digest);
  await expectStatus(
    await fetch(location, {
      method: 'PUT',
      body: Buffer.from(bytes),
      headers: { 'content-type': 'application/octet-stream' },
    }),
    201,
  );
}

/** Pushes a manifest, under a tag or by digest. */
export async function pushManifest(url: string, name: string, manifest: StoredManifest, tag?: string): Promise<void> {
  const headers = { 'content-type': manifest.mediaType };
  const target = `${url}/v2/${name}/manifests/${tag ?? manifest.digest}`;
  await expectStatus(await fetch(target, { method: 'PUT', body: Buffer.from(manifest.bytes), headers }), 201);
}

async function expectStatus(response: Response, status: number): Promise<void> {
  if (response.status !== status) throw new Error(`${response.url} gave ${response.status}: ${await response.text()}`);
}

/** Five manifests and two tags: `multi`, an index of three images, and `plain`, one image. Nine blobs. */
export async function pushSample(url: string, name: string) {
  const shared = randomBytes(200);
  const children = [
    makeImage({ layers: [shared] }),
    makeImage({ layers: [shared] }),
    makeImage({ layers: [randomBytes(300), randomBytes(400)] }),
  ];
  const plain = makeImage({ layers: [randomBytes(500), shared, randomBytes(100)] });
  for (const child of children) await pushImage(url, name, child);
  const index = makeIndex(children.map(({ manifest }) => manifest));
  await pushManifest(url, name, index, 'multi');
  await pushImage(url, name, plain, 'plain');
  return { index, children: children.map(({ manifest }) => manifest), plain: plain.manifest };
}
