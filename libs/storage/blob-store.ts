import type { Readable } from 'node:stream';
import type { Digest, DigestAlgorithm } from '#oci/digest.js';
import type { CheckedBlob } from './checked-blob.js';

/** A part of a blob in bytes, both ends included, as HTTP counts them. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What an append may do. */
export interface AppendLimits {
  /** Most bytes that the whole session may hold; more is refused as too-large. */
  readonly maxTotal?: number;
  /** Milliseconds without a byte after which the stream is cut off. */
  readonly idleMs?: number;
  /** Fewest bytes that must come in each such time; 1 when it is not set. */
  readonly idleBytes?: number;
  /** Algorithm of the closing digest when it is known already; sha256 when it is not. */
  readonly algorithm?: DigestAlgorithm;
  /** The same object commits right after this append, so nothing needs to be kept for others to resume. */
  readonly closing?: boolean;
  /** Nobody else holds the chunks of the stream, so that a store may free each as soon as it has copied it. */
  readonly ownsChunks?: boolean;
}

/** What a stream that is stored whole must be. */
export interface StoreLimits extends Pick<AppendLimits, 'idleMs' | 'idleBytes' | 'ownsChunks'> {
  /** Most bytes that are taken. */
  readonly maxBytes: number;
  /** Exact size that was announced. */
  readonly size?: number;
}

/** A stored blob as the collector and the scrub see it. */
export interface StoredBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly storedAt: Date;
}

/**
 * Where bytes live by digest. Rows say which of them are whole; a store only keeps and gives bytes.
 * Every implementation must pass the one suite of this folder.
 */
export interface BlobStore {
  /**
   * Bytes of a stored blob; throws a not-found DomainError when they are gone, and a {@link CorruptBlobError} when the
   * stored size is not `expectedSize`.
   */
  open(digest: Digest, range?: ByteRange, expectedSize?: number): Promise<Readable>;
  /** A small blob in memory; throws too-large when it has more than `maxBytes`. */
  getBytes(digest: Digest, maxBytes: number): Promise<Buffer>;
  /** Size in bytes, or undefined when the store does not have it. */
  size(digest: Digest): Promise<number | undefined>;
  /** Stores a small blob durably after checking its digest. */
  putBytes(digest: Digest, bytes: Buffer): Promise<void>;
  /** Stores small blobs durably, each digest once; they share what durability costs. */
  putAll(blobs: readonly CheckedBlob[]): Promise<void>;
  /** Stores a stream durably when digest and size are right, and leaves nothing otherwise. Returns the size. */
  storeStream(digest: Digest, bytes: Readable, limits: StoreLimits): Promise<number>;
  /** Removes a blob; quiet when it is not there. */
  remove(digest: Digest): Promise<void>;
  /** Digests with size and time of storing, for the collector and the scrub. */
  list(): AsyncIterable<StoredBlob>;
  /** Upload ids with bytes here and when they last changed, so that what a crash left can be discarded. */
  listStaged(): AsyncIterable<{ uploadId: string; touchedAt: Date }>;
  /** Where a client may fetch the bytes without us (presigned URL), when the store can; `size` is the blob's. */
  redirectUrl?(digest: Digest, size: number, expiresInSeconds: number): Promise<string> | undefined;
  /** A path that a proxy in front may send (X-Accel-Redirect), when the bytes are a file; `size` is the blob's. */
  localPath?(digest: Digest, size: number): string | undefined;
  /** Starts or resumes the collecting of bytes whose digest is not known yet; `uploadId` must be a UUID. */
  staging(uploadId: string): StagedBytes;
}

/** Bytes of one upload session. Survives the process; the hash is carried on in memory and rebuilt from the bytes when it is lost. */
export interface StagedBytes {
  /** Bytes that are here and survive this process. */
  offset(): Promise<number>;
  /**
   * Appends from `at` (the current offset) and returns the new offset. A cut-off stream keeps what arrived and throws
   * invalid BLOB_UPLOAD_INVALID with the offset as its detail. Never destroys a stream that ends by our refusal, so that
   * an answer can still be sent; only an idle one is destroyed.
   */
  append(at: number, bytes: Readable, limits?: AppendLimits): Promise<number>;
  /** The digest of all bytes, before it is decided whether they are stored; nothing may be appended after it. */
  digest(algorithm: DigestAlgorithm): Promise<Digest>;
  /**
   * Checks the whole against the digest and stores it durably; throws invalid DIGEST_INVALID and leaves nothing when it
   * differs. Storing what is there already is fine. Returns the size.
   */
  commit(digest: Digest): Promise<number>;
  /** Drops the bytes. */
  discard(): Promise<void>;
}

/** Injection token of the {@link BlobStore}. */
export const BLOB_STORE = Symbol('blob store');
