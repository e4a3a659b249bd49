import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3ServiceException,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { DomainError, isDomainError, unavailable } from '#platform/domain-error.js';
import type { ByteRange } from './blob-store.js';

const COPY_AT_ONCE = 5 * 1024 ** 3;
const COPY_PART = 1024 ** 3;

/** The few operations on objects that the store needs; missing objects are values, other failures DomainErrors. */
export class S3Objects {
  constructor(
    readonly client: S3Client,
    private readonly bucket: string,
  ) {}

  /** The bytes of an object with the size of the whole; undefined when there is none, 'outside' for a wrong range. */
  async get(key: string, range?: ByteRange): Promise<{ body: Readable; size: number } | 'outside' | undefined> {
    const Range = range && `bytes=${range.start}-${range.end}`;
    try {
      const answer = await this.client.send(new GetObjectCommand({ ...this.#at(key), Range }));
      const size = Number(answer.ContentRange?.split('/')[1] ?? answer.ContentLength);
      return { body: answer.Body as Readable, size };
    } catch (error) {
      if (statusOf(error) === 416) return 'outside';
      return missing(error);
    }
  }

  /** Size of an object; undefined when there is none. */
  async size(key: string): Promise<number | undefined> {
    return this.client.send(new HeadObjectCommand(this.#at(key))).then((answer) => answer.ContentLength, missing);
  }

  /** Stores an object. */
  async put(key: string, body: Buffer): Promise<void> {
    await this.client.send(new PutObjectCommand({ ...this.#at(key), Body: body })).catch(failed);
  }

  /** Stores an object unless there is one of this size already. */
  async putUnlessThere(key: string, body: Buffer): Promise<void> {
    if (await this.#putIfAbsent(key, body)) return;
    if ((await this.size(key)) !== body.length) await this.put(key, body);
  }

  /** Stores an object unless there is one, and tells whether it did. A store without conditional writes just stores. */
  async #putIfAbsent(key: string, body: Buffer): Promise<boolean> {
    try {
      await this.client.send(new PutObjectCommand({ ...this.#at(key), Body: body, IfNoneMatch: '*' }));
    } catch (error) {
      if (statusOf(error) === 412) return false;
      if (statusOf(error) !== 501 && statusOf(error) !== 409) failed(error);
      await this.put(key, body);
    }
    return true;
  }

  /** Removes an object; quiet when it is not there. */
  async remove(key: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand(this.#at(key))).catch(missing);
  }

  /** Every object under a prefix. */
  async *list(prefix: string): AsyncGenerator<{ key: string; size: number; modified: Date }> {
    const pages = paginateListObjectsV2({ client: this.client }, { Bucket: this.bucket, Prefix: prefix });
    for await (const page of pages)
      for (const { Key, Size, LastModified } of page.Contents ?? [])
        if (Key) yield { key: Key, size: Size ?? 0, modified: LastModified ?? new Date(0) };
  }

  /** Copies inside the bucket, in parts when it is too large for one request. */
  async copy(from: string, to: string, size: number): Promise<void> {
    const CopySource = `${this.bucket}/${from.split('/').map(encodeURIComponent).join('/')}`;
    if (size <= COPY_AT_ONCE) {
      await this.client.send(new CopyObjectCommand({ ...this.#at(to), CopySource })).catch(failed);
      return;
    }
    const id = await this.startParts(to);
    const etags: string[] = [];
    for (let start = 0; start < size; start += COPY_PART) {
      const CopySourceRange = `bytes=${start}-${Math.min(size, start + COPY_PART) - 1}`;
      const part = { ...this.#at(to), CopySource, CopySourceRange, UploadId: id, PartNumber: etags.length + 1 };
      const answer = await this.client.send(new UploadPartCopyCommand(part)).catch(failed);
      etags.push(answer.CopyPartResult?.ETag ?? '');
    }
    await this.completeParts(to, id, etags);
  }

  /** Begins an object that comes in parts. */
  async startParts(key: string): Promise<string> {
    const answer = await this.client.send(new CreateMultipartUploadCommand(this.#at(key))).catch(failed);
    return answer.UploadId ?? '';
  }

  /** Stores one part, numbered from 1, and gives its mark. Sending it again replaces it. */
  async putPart(key: string, id: string, number: number, body: Buffer): Promise<string> {
    const part = { ...this.#at(key), UploadId: id, PartNumber: number, Body: body };
    return (await this.client.send(new UploadPartCommand(part)).catch(failed)).ETag ?? '';
  }

  /** Makes the object of its parts; false when the parts are gone, as they are after it was done once. */
  async completeParts(key: string, id: string, etags: readonly string[]): Promise<boolean> {
    const Parts = etags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
    const command = new CompleteMultipartUploadCommand({ ...this.#at(key), UploadId: id, MultipartUpload: { Parts } });
    return this.client.send(command).then(
      () => true,
      (error: unknown) => (missing(error) === undefined ? false : true),
    );
  }

  /** Objects under a prefix that have parts but are not complete. */
  async listUnfinished(prefix: string): Promise<{ key: string; id: string; started: Date }[]> {
    const found: { key: string; id: string; started: Date }[] = [];
    let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {};
    while (marker) {
      const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({
        Bucket: this.bucket,
        Prefix: prefix,
        ...marker,
      });
      const page = await this.client.send(command).catch(failed);
      for (const { Key, UploadId, Initiated } of page.Uploads ?? [])
        if (Key?.startsWith(prefix) && UploadId)
          found.push({ key: Key, id: UploadId, started: Initiated ?? new Date(0) });
      marker = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        : undefined;
    }
    return found;
  }

  /** Drops the parts of an object; quiet when they are gone. */
  async abortParts(key: string, id: string): Promise<void> {
    await this.client.send(new AbortMultipartUploadCommand({ ...this.#at(key), UploadId: id })).catch(missing);
  }

  #at(key: string) {
    return { Bucket: this.bucket, Key: key };
  }
}

const FULL = new Set(['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull', 'InsufficientCapacity']);
const GONE = new Set(['NoSuchKey', 'NotFound', 'NoSuchUpload']);

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

function missing(error: unknown): undefined {
  if (error instanceof S3ServiceException && GONE.has(error.name)) return undefined;
  return failed(error);
}

function failed(error: unknown): never {
  if (isDomainError(error) || !(error instanceof Error)) throw error;
  if (FULL.has(error.name) || statusOf(error) === 507)
    throw new DomainError('no-space', 'NO_SPACE', 'The storage is full; free space and go on with the same upload.', {
      cause: error,
    });
  const status = statusOf(error);
  if (status === undefined || status >= 500 || status === 429)
    throw unavailable('The object store does not answer; try again later.', 5, error);
  throw error;
}
