import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { blobPath } from '#transfer/oci-layout/layout-names.js';
import { END_OF_ARCHIVE, tarHeader, tarPadding } from '#transfer/oci-layout/tar/tar-writer.js';
import { imageDocument } from './world.js';

/** A member of an archive that a test writes; raw header bytes make it hostile. */
export interface Member {
  readonly path: string;
  readonly bytes?: Buffer | string;
  /** Changes the header before its sum is made. */
  readonly alter?: (header: Buffer) => void;
}

/** A member with its padding. */
export function member({ path, bytes = '', alter }: Member): Buffer {
  const body = Buffer.from(bytes);
  const header = Buffer.from(tarHeader(path, body.length));
  if (alter) {
    alter(header);
    header.write('        ', 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  }
  return Buffer.concat([header, body, tarPadding(body.length)]);
}

/** An archive of members. */
export function archive(members: readonly Member[], end: Buffer = END_OF_ARCHIVE): Buffer {
  return Buffer.concat([...members.map(member), end]);
}

/** A change of the type flag. */
export const ofType =
  (type: string, link = '') =>
  (header: Buffer) => {
    header.write(type, 156, 'latin1');
    header.write(link, 157);
  };

/** A layout of one image, as members: two files of the layout, then blobs. */
export async function layoutMembers(
  label: string,
  annotations: Record<string, string> = { 'org.opencontainers.image.ref.name': 'v1' },
  more: object = {},
): Promise<Member[]> {
  const blobs: Member[] = [];
  const put = async (bytes: Buffer) => {
    blobs.push({ path: blobPath(digestOf(bytes)), bytes });
    return { digest: digestOf(bytes), size: bytes.length };
  };
  const manifest = await put(Buffer.from(JSON.stringify(await imageDocument(put, label, more))));
  return [
    { path: 'oci-layout', bytes: '{"imageLayoutVersion":"1.0.0"}' },
    { path: 'index.json', bytes: indexOf([{ mediaType: MediaType.ociManifest, ...manifest, annotations }]) },
    ...blobs,
  ];
}

/** An index.json of entries. */
export const indexOf = (manifests: readonly object[]) => JSON.stringify({ schemaVersion: 2, manifests });
