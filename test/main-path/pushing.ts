import { createHash, randomBytes } from 'node:crypto';
import { type Json, PASSWORD, type Standalone } from './standalone-process.js';

/** Credentials of `admin` as a header. */
export const BASIC = { authorization: `Basic ${btoa(`admin:${PASSWORD}`)}` };
/** Media types of what is pushed here. */
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

/** A manifest that was pushed. */
export interface Pushed {
  readonly bytes: string;
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
}

const sha = (bytes: string | Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Pushes an image of random layers, by digest unless a tag is given. */
export async function pushImage(
  to: Standalone,
  name: string,
  options: { tag?: string; subject?: Pushed; layers?: number } = {},
): Promise<Pushed> {
  const contents = [
    `{"made":"${randomBytes(8).toString('hex')}"}`,
    ...Array.from({ length: options.layers ?? 1 }, () => randomBytes(2000)),
  ];
  const [config, ...layers] = await Promise.all(contents.map((content) => pushBlob(to, name, content)));
  const { subject } = options;
  const reference = subject && { mediaType: subject.mediaType, digest: subject.digest, size: subject.size };
  return pushManifest(
    to,
    name,
    {
      mediaType: OCI_MANIFEST,
      ...(reference ? { artifactType: 'text/x-note', subject: reference } : {}),
      config,
      layers,
    },
    options.tag,
  );
}

/** Pushes an index over images. */
export function pushIndex(to: Standalone, name: string, images: readonly Pushed[], tag: string): Promise<Pushed> {
  const manifests = images.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  return pushManifest(to, name, { mediaType: OCI_INDEX, manifests }, tag);
}

/** Puts a manifest under one more tag. */
export async function putManifest(to: Standalone, name: string, reference: string, manifest: Pushed): Promise<void> {
  const url = `${to.url}/v2/${name}/manifests/${reference}`;
  const headers = { ...BASIC, 'content-type': manifest.mediaType };
  const { status } = await fetch(url, { method: 'PUT', headers, body: manifest.bytes });
  if (status !== 201) throw new Error(`PUT ${url} answered ${status}`);
}

/** The repository of a type with a name. */
export async function repositoryNamed(of: Standalone, name: string, type = 'container-push'): Promise<Json> {
  const { body } = await of.call('GET', `repositories/container/${type}/?name=${name}`);
  return (body['results'] as unknown as Json[])[0]!;
}

async function pushManifest(
  to: Standalone,
  name: string,
  document: { mediaType: string } & Record<string, unknown>,
  tag?: string,
): Promise<Pushed> {
  const bytes = JSON.stringify({ schemaVersion: 2, ...document });
  const manifest = { bytes, digest: sha(bytes), size: bytes.length, mediaType: document.mediaType };
  await putManifest(to, name, tag ?? manifest.digest, manifest);
  return manifest;
}

async function pushBlob(to: Standalone, name: string, content: string | Buffer) {
  const started = await fetch(`${to.url}/v2/${name}/blobs/uploads/`, { method: 'POST', headers: BASIC });
  const location = new URL(`${started.headers.get('location')!}&digest=${sha(content)}`, to.url);
  const body = typeof content === 'string' ? content : new Uint8Array(content);
  const { status } = await fetch(location, { method: 'PUT', headers: BASIC, body });
  if (status !== 201) throw new Error(`PUT ${location.pathname} answered ${status}`);
  return { mediaType: 'application/octet-stream', digest: sha(content), size: content.length };
}
