import { createHash, randomBytes } from 'node:crypto';
import { Agent, request } from 'undici';
import type { Server } from './servers.js';

const agent = new Agent({
  connections: 64,
  pipelining: 1,
  keepAliveTimeout: 30_000,
  headersTimeout: 0,
  bodyTimeout: 0,
});

/** A descriptor with its bytes. */
export interface Piece {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly bytes: Buffer;
}

/** Type of an OCI image manifest. */
export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Bytes under their digest. */
export function piece(bytes: Buffer, mediaType = 'application/octet-stream'): Piece {
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}

/** The sha256 digest of bytes. */
export const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A blob that nobody has yet. */
export const someBlob = (size: number) => piece(randomBytes(size));

/** An image of blobs; `pad` makes the manifest larger. */
export function imageOf(blobs: readonly Piece[], extra: Readonly<Record<string, unknown>> = {}, pad = 0): Piece {
  const named = blobs.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  const [config, ...layers] = named;
  const annotations = pad > 0 ? { pad: 'x'.repeat(pad) } : undefined;
  const document = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    ...extra,
    config,
    layers,
    ...(annotations ? { annotations } : {}),
  };
  return piece(Buffer.from(JSON.stringify(document)), MANIFEST);
}

/** One request; its status must be what is expected. */
export async function call(
  server: Server,
  method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
  path: string,
  expected: readonly number[],
  options: { readonly body?: Buffer | string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<{ readonly location: string; readonly body: string; readonly status: number }> {
  const answer = await request(new URL(path, server.url), {
    dispatcher: agent,
    method,
    headers: { ...server.headers, ...options.headers },
    ...(options.body === undefined ? {} : { body: options.body }),
  });
  const body = await answer.body.text();
  if (!expected.includes(answer.statusCode))
    throw new Error(`${server.name}: ${method} ${path} gave ${answer.statusCode} ${body.slice(0, 300)}`);
  return { location: String(answer.headers['location'] ?? ''), body, status: answer.statusCode };
}

/** Pushes a blob as clients do: POST, then PUT of everything. */
export async function pushBlob(server: Server, name: string, { digest, bytes }: Piece): Promise<void> {
  const path = await openUpload(server, name, digest);
  await call(server, 'PUT', path, [201], { body: bytes, headers: { 'content-type': 'application/octet-stream' } });
}

/** Pushes a blob as podman, skopeo and crane do: POST, PATCH of everything, then PUT. */
export async function pushBlobAsChunk(server: Server, name: string, { digest, bytes }: Piece): Promise<void> {
  const opened = await openUpload(server, name, digest);
  const headers = { 'content-type': 'application/octet-stream' };
  const { location } = await call(server, 'PATCH', opened, [202], { body: bytes, headers });
  await call(server, 'PUT', withDigest(server, location, digest), [201]);
}

/** Opens an upload and gives the path that closes it. */
export async function openUpload(server: Server, name: string, digest: string): Promise<string> {
  const { location } = await call(server, 'POST', `/v2/${name}/blobs/uploads/`, [202]);
  return withDigest(server, location, digest);
}

function withDigest(server: Server, location: string, digest: string): string {
  const url = new URL(location, server.url);
  url.searchParams.set('digest', digest);
  return url.pathname + url.search;
}

/** Puts a manifest under a reference. */
export async function putManifest(
  server: Server,
  name: string,
  reference: string,
  { bytes, mediaType }: Piece,
): Promise<void> {
  await call(server, 'PUT', `/v2/${name}/manifests/${reference}`, [201], {
    body: bytes,
    headers: { 'content-type': mediaType },
  });
}

/** Pushes an image with small blobs under a tag. */
export async function pushImage(server: Server, name: string, tag: string, pad = 0): Promise<Piece> {
  const blobs = [someBlob(200), someBlob(1000)];
  for (const each of blobs) await pushBlob(server, name, each);
  const image = imageOf(blobs, {}, pad);
  await putManifest(server, name, tag, image);
  return image;
}
