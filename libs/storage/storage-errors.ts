import { isDigest, type Digest } from '#oci/digest.js';
import { DomainError, invalid, isDomainError, messageOf, notFound } from '#platform/domain-error.js';

/** Stored bytes are not what was stored. Not a DomainError: the caller can do nothing, an operator must look. */
export class CorruptBlobError extends Error {
  override readonly name = 'CorruptBlobError';

  constructor(
    readonly digest: Digest,
    problem: string,
  ) {
    super(`The stored blob ${digest} is damaged: ${problem}`);
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True when the text can be the id of an upload session. */
export const isUploadId = (text: string): boolean => UUID.test(text);

/** Lets only a UUID become a part of a path or key. */
export function checkedUploadId(uploadId: string): string {
  if (typeof uploadId !== 'string' || !isUploadId(uploadId))
    throw notFound('There is no such upload; start a new one.', 'BLOB_UPLOAD_UNKNOWN');
  return uploadId;
}

/** Lets only a well-formed digest become a part of a path or key. */
export function checkedDigest(digest: string): Digest {
  if (typeof digest !== 'string' || !isDigest(digest))
    throw invalid('The digest must be sha256: or sha512: and lower-case hex.', 'digest', 'DIGEST_INVALID');
  return digest;
}

/** The bytes are not those that the digest names. */
export const digestDiffers = (expected: Digest, actual: Digest) =>
  invalid(`The bytes have the digest ${actual}; send those of ${expected}.`, 'digest', 'DIGEST_INVALID', {
    expected,
    actual,
  });

/** No blob has this digest here. */
export const blobUnknown = (digest: Digest) =>
  notFound('The blob is not known to this registry.', 'BLOB_UNKNOWN', { digest });

/** A chunk does not begin where the session stands. */
export const wrongOffset = (at: number, offset: number) =>
  new DomainError('range', 'BLOB_UPLOAD_INVALID', `The upload stands at ${offset}, not at ${at}; go on from there.`, {
    detail: { offset },
  });

/** Another request writes to the session. */
export const sessionBusy = () =>
  new DomainError(
    'range',
    'BLOB_UPLOAD_INVALID',
    'Another request is writing to this upload; ask for its status and go on from there.',
  );

/** More bytes than are allowed. */
export const tooLarge = (limit: number) =>
  new DomainError('too-large', 'SIZE_INVALID', `The blob is larger than the limit of ${limit} bytes.`, {
    detail: { limit },
  });

/** The bytes ended before the sender said so, or are too many; what came until then is kept. */
export function cutOff(offset: number, cause: unknown): DomainError {
  if (isDomainError(cause) && cause.kind === 'too-large') return cause;
  const message = `The stream broke off: ${messageOf(cause)}. Go on from ${offset}.`;
  return new DomainError('invalid', 'BLOB_UPLOAD_INVALID', message, { detail: { offset }, cause });
}

/** The bytes are not as many as were announced. */
export const sizeDiffers = (expected: number, actual: number) =>
  invalid(`The blob has ${actual} bytes and not ${expected} as announced.`, 'size', 'SIZE_INVALID', {
    expected,
    actual,
  });

/** The range does not lie inside the blob. */
export const rangeOutside = (size: number) =>
  new DomainError('range', 'RANGE_INVALID', `The range must lie inside the ${size} bytes of the blob.`, {
    detail: { size },
  });

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** True when a system call failed with this code. */
export const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && (error as NodeJS.ErrnoException).code === code;

/** Turns a full disk into a DomainError and leaves everything else as it is. */
export function asStorageError(error: unknown): unknown {
  if (isDomainError(error) || !(error instanceof Error)) return error;
  if (!FULL.has((error as NodeJS.ErrnoException).code ?? '')) return error;
  return new DomainError('no-space', 'NO_SPACE', 'The storage is full; free space and go on with the same upload.', {
    cause: error,
  });
}
