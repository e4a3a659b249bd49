import { announce } from '#platform/change-feed.js';
import { ELSEWHERE } from './registry-app.js';
import { type Answer, type RegistryProcess, type RequestOptions, sha, someBytes } from './registry-process.js';

/** Media type of a manifest, in the image specification. */
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
/** Media type of an index. */
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
/** Media type of the config of an image. */
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
/** Media type of a layer. */
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
/** Media type of the empty document `{}`, which artifacts have for a config. */
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';

/** A descriptor as it is written into manifests. */
export interface Written {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** A manifest with its bytes. */
export interface Made extends Written {
  readonly bytes: Buffer;
}

/** The descriptor of a made manifest. */
export const describe_ = ({ mediaType, digest, size }: Made): Written => ({ mediaType, digest, size });

/** JSON bytes of a manifest under their digest. */
export function made(document: { readonly mediaType: string } & Record<string, unknown>): Made {
  const bytes = Buffer.from(JSON.stringify(document));
  return { mediaType: document.mediaType, digest: sha(bytes), size: bytes.length, bytes };
}

/** Pushes a blob in one request. */
export async function pushBlob(
  registry: RegistryProcess,
  name: string,
  bytes: Buffer,
  mediaType = OCI_LAYER,
  options: RequestOptions = {},
): Promise<Written> {
  const digest = sha(bytes);
  const answer = await registry.request('POST', `/v2/${name}/blobs/uploads/?digest=${digest}`, {
    ...options,
    body: bytes,
  });
  if (answer.status !== 201) throw new Error(`blob push: ${answer.status} ${answer.bytes.toString()}`);
  return { mediaType, digest, size: bytes.length };
}

/** Pushes a manifest. */
export function putManifest(
  registry: RegistryProcess,
  name: string,
  reference: string,
  manifest: Made,
  options: RequestOptions = {},
): Promise<Answer> {
  return registry.request('PUT', `/v2/${name}/manifests/${reference}`, {
    ...options,
    headers: { 'content-type': manifest.mediaType, ...options.headers },
    body: manifest.bytes,
  });
}

/** An image whose blobs are pushed; the manifest itself is not. */
export async function makeImage(
  registry: RegistryProcess,
  name: string,
  extra: Record<string, unknown> = {},
  options: RequestOptions = {},
): Promise<Made> {
  const config = await pushBlob(
    registry,
    name,
    Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', salt: someBytes(8).toString('hex') })),
    OCI_CONFIG,
    options,
  );
  const layer = await pushBlob(registry, name, someBytes(100), OCI_LAYER, options);
  return made({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer], ...extra });
}

/** An image that is pushed under a tag or by its digest. */
export async function pushImage(
  registry: RegistryProcess,
  name: string,
  tag?: string,
  extra: Record<string, unknown> = {},
  options: RequestOptions = {},
): Promise<Made> {
  const image = await makeImage(registry, name, extra, options);
  const answer = await putManifest(registry, name, tag ?? image.digest, image, options);
  if (answer.status !== 201) throw new Error(`manifest push: ${answer.status} ${answer.bytes.toString()}`);
  return image;
}

/** Makes what is served at a path private. */
export function makePrivate(registry: RegistryProcess, basePath: string): Promise<void> {
  return changePath(
    registry,
    basePath,
    'update distribution set private = true, pulp_last_updated = now() where base_path = $1',
  );
}

/** A write beside the registry, after which its process believes nothing that it knew, as after those of the REST API. */
export async function writeElsewhere(registry: RegistryProcess): Promise<void> {
  const { status } = await registry.request('POST', ELSEWHERE);
  if (status !== 200) throw new Error(`a write elsewhere: ${status}`);
}

/** Changes the distribution of a path as the REST API does it. */
export async function changePath(registry: RegistryProcess, basePath: string, text: string): Promise<void> {
  await registry.source.transaction(async (tx) => {
    await tx.query(text, [basePath]);
    await announce(tx, 'distributions', basePath);
  });
  await writeElsewhere(registry);
}
