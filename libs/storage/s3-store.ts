import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { S3Client } from '@aws-sdk/client-s3';
import type { Digest } from '#oci/digest.js';
import type { ResolvedSettings } from '#platform/config.js';
import { settled } from '#platform/settled.js';
import type { BlobStore, ByteRange, StagedBytes, StoredBlob, StoreLimits } from './blob-store.js';
import { CheckedBlob } from './checked-blob.js';
import { checkRange, checkSize } from './file-store.js';
import { S3Keys } from './s3-keys.js';
import { S3Objects } from './s3-objects.js';
import { S3Presigner } from './s3-presign.js';
import { S3StagedBytes } from './s3-staged-bytes.js';
import { SessionTurns } from './session-turns.js';
import { blobUnknown, rangeOutside, tooLarge } from './storage-errors.js';
import { storeStream } from './store-stream.js';

/** The settings that an S3 store reads. */
export type S3Settings = Pick<
  ResolvedSettings,
  | 's3Bucket'
  | 's3Endpoint'
  | 's3Region'
  | 's3AccessKeyId'
  | 's3SecretAccessKey'
  | 's3Prefix'
  | 's3Checksums'
  | 's3Redirect'
>;

const PUTS_AT_ONCE = 16;

/** Blobs as objects of a bucket, named by their digest. Import this file only when it is configured: the client is large. */
export class S3Store implements BlobStore {
  readonly #objects: S3Objects;
  readonly #keys: S3Keys;
  readonly #turns = new SessionTurns();
  readonly #presigner: S3Presigner;
  readonly redirectUrl?: (digest: Digest, size: number, expiresInSeconds: number) => Promise<string>;

  constructor(settings: S3Settings) {
    this.#objects = new S3Objects(clientOf(settings), settings.s3Bucket ?? '');
    this.#keys = new S3Keys(settings.s3Prefix);
    this.#presigner = new S3Presigner(bucketUrl(settings), settings.s3Region);
    if (settings.s3Redirect) this.redirectUrl = (digest, _size, seconds) => this.#redirectUrl(digest, seconds);
  }

  async open(digest: Digest, range?: ByteRange, expectedSize?: number): Promise<Readable> {
    const key = this.#keys.blob(digest);
    if (range) checkRange(range, Number.MAX_SAFE_INTEGER);
    const found = await this.#objects.get(key, range);
    if (found === undefined) throw blobUnknown(digest);
    if (found === 'outside') throw rangeOutside((await this.#objects.size(key)) ?? 0);
    try {
      checkSize(digest, found.size, expectedSize);
      if (range) checkRange(range, found.size);
    } catch (error) {
      found.body.destroy();
      throw error;
    }
    return found.body;
  }

  async getBytes(digest: Digest, maxBytes: number): Promise<Buffer> {
    const found = await this.#objects.get(this.#keys.blob(digest));
    if (found === undefined || found === 'outside') throw blobUnknown(digest);
    if (found.size <= maxBytes) return buffer(found.body);
    found.body.destroy();
    throw tooLarge(maxBytes);
  }

  async size(digest: Digest): Promise<number | undefined> {
    return this.#objects.size(this.#keys.blob(digest));
  }

  async putBytes(digest: Digest, bytes: Buffer): Promise<void> {
    await this.putAll([CheckedBlob.of(digest, bytes)]);
  }

  async putAll(blobs: readonly CheckedBlob[]): Promise<void> {
    const left = blobs.values();
    const lane = async () => {
      for (const { digest, bytes } of left) await this.#objects.putUnlessThere(this.#keys.blob(digest), bytes);
    };
    await settled(Array.from({ length: PUTS_AT_ONCE }, lane));
  }

  storeStream(digest: Digest, bytes: Readable, limits: StoreLimits): Promise<number> {
    return storeStream(this, digest, bytes, limits);
  }

  async remove(digest: Digest): Promise<void> {
    await this.#objects.remove(this.#keys.blob(digest));
  }

  async *list(): AsyncGenerator<StoredBlob> {
    for await (const { key, size, modified } of this.#objects.list(this.#keys.blobs)) {
      const digest = this.#keys.digest(key);
      if (digest) yield { digest, size, storedAt: modified };
    }
  }

  async *listStaged(): AsyncGenerator<{ uploadId: string; touchedAt: Date }> {
    const touched = new Map<string, Date>();
    const see = (key: string, at: Date) => {
      const uploadId = this.#keys.uploadId(key);
      const before = uploadId && touched.get(uploadId);
      if (uploadId && !(before && before > at)) touched.set(uploadId, at);
    };
    for await (const { key, modified } of this.#objects.list(this.#keys.uploads)) see(key, modified);
    for (const { key, started } of await this.#objects.listUnfinished(this.#keys.uploads)) see(key, started);
    for (const [uploadId, touchedAt] of touched) yield { uploadId, touchedAt };
  }

  staging(uploadId: string): StagedBytes {
    return new S3StagedBytes(uploadId, this.#keys, this.#objects, this.#turns);
  }

  async #redirectUrl(digest: Digest, expiresInSeconds: number): Promise<string> {
    const credentials = await this.#objects.client.config.credentials();
    return this.#presigner.get(this.#keys.blob(digest), expiresInSeconds, credentials);
  }
}

function clientOf(settings: S3Settings): S3Client {
  const { s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey } = settings;
  const checksums = settings.s3Checksums === 'when_required' ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED';
  return new S3Client({
    region: settings.s3Region,
    ...(settings.s3Endpoint ? { endpoint: settings.s3Endpoint, forcePathStyle: true } : {}),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey } } : {}),
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    maxAttempts: 5,
    requestHandler: { connectionTimeout: 5_000, httpAgent: { maxSockets: 512 }, httpsAgent: { maxSockets: 512 } },
  });
}

function bucketUrl({ s3Endpoint, s3Bucket, s3Region }: S3Settings): URL {
  if (s3Endpoint) return new URL(`${s3Endpoint}/${s3Bucket}`);
  if (s3Bucket?.includes('.')) return new URL(`https://s3.${s3Region}.amazonaws.com/${s3Bucket}`);
  return new URL(`https://${s3Bucket}.s3.${s3Region}.amazonaws.com`);
}
