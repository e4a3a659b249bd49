import { algorithmOf, hexOf, isDigest, type Digest } from '#oci/digest.js';
import { checkedDigest, checkedUploadId, isUploadId } from './storage-errors.js';

/** Names of objects in the bucket. */
export class S3Keys {
  readonly blobs: string;
  readonly uploads: string;

  constructor(prefix: string) {
    const base = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
    this.blobs = `${base}blobs/`;
    this.uploads = `${base}uploads/`;
  }

  /** The key of a blob. */
  blob(digest: Digest): string {
    const hex = hexOf(checkedDigest(digest));
    return `${this.blobs}${algorithmOf(digest)}/${hex.slice(0, 2)}/${hex}`;
  }

  /** The digest of a blob's key. */
  digest(key: string): Digest | undefined {
    const [algorithm, , hex] = key.slice(this.blobs.length).split('/');
    const digest = `${algorithm}:${hex}`;
    return isDigest(digest) ? digest : undefined;
  }

  /** The keys of an upload session. */
  upload(uploadId: string): { data: string; state: string } {
    const folder = `${this.uploads}${checkedUploadId(uploadId)}`;
    return { data: `${folder}/data`, state: `${folder}/state` };
  }

  /** The upload that a key belongs to. */
  uploadId(key: string): string | undefined {
    const [uploadId = ''] = key.slice(this.uploads.length).split('/');
    return isUploadId(uploadId) ? uploadId : undefined;
  }
}
