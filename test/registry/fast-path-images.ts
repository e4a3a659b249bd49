import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from './content.js';
import { as, type Twin } from './fast-path-world.js';
import { sha } from './registry-process.js';

/** Bytes with what names them. */
export interface Piece {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly bytes: Buffer;
}

const piece = (mediaType: string, bytes: Buffer): Piece => ({
  mediaType,
  digest: sha(bytes),
  size: bytes.length,
  bytes,
});
const descriptor = ({ mediaType, digest, size }: Piece) => ({ mediaType, digest, size });

/** Bytes that are others at each place, so that a wrong part is noticed. */
const numbers = (size: number) =>
  Buffer.from(Array.from({ length: size / 5 }, (_each, at) => `${10_000 + at}`).join(''));

/** The config that all images here share. */
export const CONFIG_BLOB = piece(OCI_CONFIG, Buffer.from('{"architecture":"amd64","os":"linux"}'));
/** Layers: one that is kept in memory, one that is not. */
export const LAYERS = [piece(OCI_LAYER, numbers(500)), piece(OCI_LAYER, numbers(300_000))] as const;

/** An image that is the same each time for the same number; with a subject it is a referrer. */
export function image(salt: number, subject?: Piece, artifactType = 'application/vnd.test.sbom'): Piece {
  const document = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    ...(subject ? { artifactType, subject: descriptor(subject) } : {}),
    config: descriptor(CONFIG_BLOB),
    layers: LAYERS.map(descriptor),
    annotations: { salt: String(salt) },
  };
  return piece(OCI_MANIFEST, Buffer.from(JSON.stringify(document)));
}

/** Pushes the blobs that every image needs. */
export async function pushBlobs(twin: Twin, name: string): Promise<void> {
  for (const { digest, bytes } of [CONFIG_BLOB, ...LAYERS]) {
    const { status } = await twin.send('POST', `/v2/${name}/blobs/uploads/?digest=${digest}`, as('admin'), bytes);
    if (status !== 201) throw new Error(`the push of a blob gave ${status}`);
  }
}

/** Pushes a manifest as admin and gives the status. */
export async function push(twin: Twin, name: string, reference: string, { bytes, mediaType }: Piece): Promise<number> {
  const headers = { ...as('admin'), 'content-type': mediaType };
  return (await twin.send('PUT', `/v2/${name}/manifests/${reference}`, headers, bytes)).status;
}
