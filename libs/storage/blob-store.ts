import type { Readable } from 'node:stream';
import type { Digest } from '#oci/digest.js';

/** A part of a blob in bytes, both ends included, as HTTP counts them. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Where bytes live by digest. Rows say which of them are whole; a store only keeps and gives bytes.
 * Every implementation must pass the one suite of this folder.
 */
export interface BlobStore {
  /** Bytes of a stored blob; throws a not-found DomainError when they are gone. */
  open(digest: Digest, range?: ByteRange): Promise<Readable>;
  /** Size in bytes, or undefined when the store does not have it. */
  size(digest: Digest): Promise<number | undefined>;
  /** Removes a blob; quiet when it is not there. */
  remove(digest: Digest): Promise<void>;
  /** Digests with size and time of storing, for the collector and the scrub. */
  list(): AsyncIterable<{ digest: Digest; size: number; storedAt: Date }>;
  /** Where a client may fetch the bytes without us (presigned URL), when the store can. */
  redirectUrl?(digest: Digest, expiresInSeconds: number): Promise<string>;
  /** A path that a proxy in front may send (X-Accel-Redirect), when the store is a folder. */
  localPath?(digest: Digest): string;
  /** Starts or resumes the collecting of bytes whose digest is not known yet. */
  staging(uploadId: string): StagedBytes;
}

/** Bytes of one upload session. Survives the process; the hash is carried on in memory and rebuilt from the bytes when it is lost. */
export interface StagedBytes {
  /** Bytes that are durably here. */
  offset(): Promise<number>;
  /** Appends from `at` (the current offset) and returns the new offset; a cut-off stream keeps what arrived. */
  append(at: number, bytes: Readable, limits?: { maxTotal?: number; idleMs?: number }): Promise<number>;
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
