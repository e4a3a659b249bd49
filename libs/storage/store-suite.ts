import { randomBytes, randomUUID } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { digestOf, EMPTY_JSON_DIGEST, type DigestAlgorithm } from '#oci/digest.js';
import type { BlobStore, StagedBytes } from './blob-store.js';
import { CorruptBlobError } from './storage-errors.js';
import { verifyStored } from './verify-stored.js';

const KIB = 1024;
const MIB = KIB * KIB;

/** A store under test. */
export interface StoreUnderTest {
  readonly store: BlobStore;
  /** A store over the same bytes that remembers nothing, as a process has after a restart. */
  reopened(): BlobStore;
  /** Cuts the stored bytes of a blob behind the store's back. */
  truncate(digest: string, size: number): Promise<void>;
  /** Replaces the stored bytes of a blob behind the store's back. */
  overwrite(digest: string, bytes: Buffer): Promise<void>;
}

const stream = (bytes: Buffer, chunk = 64 * KIB) =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
    })(),
    { objectMode: false },
  );

/** Gives the bytes and breaks when they are read, as a lost connection does. */
function cutStream(bytes: Buffer): Readable {
  const broken = new PassThrough({ highWaterMark: bytes.length + 1 });
  broken.write(bytes);
  const poll = setInterval(() => {
    if (broken.readableLength > 0 || broken.writableLength > 0) return;
    clearInterval(poll);
    broken.destroy(new Error('the client has gone'));
  }, 10);
  return broken;
}

const uploads = async (store: BlobStore) => {
  const ids: string[] = [];
  for await (const { uploadId } of store.listStaged()) ids.push(uploadId);
  return ids;
};

async function stored(store: BlobStore, bytes: Buffer, algorithm: DigestAlgorithm = 'sha256'): Promise<string> {
  const digest = digestOf(bytes, algorithm);
  const staged = store.staging(randomUUID());
  await staged.append(0, stream(bytes));
  expect(await staged.commit(digest)).toBe(bytes.length);
  return digest;
}

/** The one suite that every {@link BlobStore} must pass; the factory gets the context so that it can skip for a missing tool. */
export function describeBlobStore(name: string, factory: () => Promise<StoreUnderTest | undefined>, hint = ''): void {
  describe(`${name} as a blob store`, () => {
    let made: StoreUnderTest | undefined;
    beforeAll(async () => {
      made = await factory();
    });
    const under = (context: TestContext): StoreUnderTest => made ?? context.skip(hint);
    describe('stored blobs', () => storedBlobs(under));
    describe('upload sessions', () => uploadSessions(under));
    describe('hostile input and damage', () => hostileInput(under));
  });
}

type Under = (context: TestContext) => StoreUnderTest;

function storedBlobs(under: Under): void {
  it.for(['sha256', 'sha512'] as const)('gives back what was stored under %s', async (algorithm, context) => {
    const { store } = under(context);
    for (const size of [1, 64 * KIB, MIB, 5 * MIB + 1]) {
      const bytes = randomBytes(size);
      const digest = await stored(store, bytes, algorithm);
      expect((await buffer(await store.open(digest, undefined, size))).equals(bytes)).toBe(true);
      expect(await store.size(digest)).toBe(size);
      expect(await verifyStored(store, digest, size)).toBe(size);
    }
  });

  it('stores the empty blob and the empty JSON object', async (context) => {
    const { store } = under(context);
    const empty = await stored(store, Buffer.alloc(0));
    expect((await buffer(await store.open(empty))).length).toBe(0);
    expect(await stored(store, Buffer.from('{}'))).toBe(EMPTY_JSON_DIGEST);
    expect((await store.getBytes(EMPTY_JSON_DIGEST, 2)).toString()).toBe('{}');
  });

  it('commits a session that never got a byte as the empty blob', async (context) => {
    expect(await under(context).store.staging(randomUUID()).commit(digestOf(''))).toBe(0);
  });

  it('gives parts of a blob, both ends included, and refuses those outside', async (context) => {
    const { store } = under(context);
    const bytes = randomBytes(300 * KIB);
    const digest = await stored(store, bytes);
    for (const [start, end] of [
      [0, 0],
      [0, bytes.length - 1],
      [bytes.length - 1, bytes.length - 1],
      [1000, 290_000],
    ] as const)
      expect((await buffer(await store.open(digest, { start, end }))).equals(bytes.subarray(start, end + 1))).toBe(
        true,
      );
    for (const [start, end] of [
      [-1, 5],
      [5, 4],
      [0, bytes.length],
      [0.5, 2],
    ] as const)
      await expect(store.open(digest, { start, end })).rejects.toMatchObject({ kind: 'range' });
  });

  it('stores small bytes only when they have the digest, and gives them only up to a limit', async (context) => {
    const { store } = under(context);
    const bytes = randomBytes(100);
    await store.putBytes(digestOf(bytes), bytes);
    await store.putBytes(digestOf(bytes), bytes);
    expect((await store.getBytes(digestOf(bytes), 100)).equals(bytes)).toBe(true);
    await expect(store.getBytes(digestOf(bytes), 99)).rejects.toMatchObject({ kind: 'too-large' });
    await expect(store.putBytes(digestOf('other'), bytes)).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
    expect(await store.size(digestOf('other'))).toBeUndefined();
  });

  it('stores a whole stream, or leaves nothing when size, limit or digest are wrong', async (context) => {
    const { store } = under(context);
    const bytes = randomBytes(200 * KIB);
    const digest = digestOf(bytes, 'sha512');
    const before = await uploads(store);
    const attempt = (size: number | undefined, maxBytes: number, as = digest, from = stream(bytes)) =>
      store.storeStream(as, from, { maxBytes, ...(size === undefined ? {} : { size }) });
    await expect(attempt(bytes.length + 1, MIB)).rejects.toMatchObject({ code: 'SIZE_INVALID' });
    await expect(attempt(bytes.length - 1, MIB)).rejects.toMatchObject({ kind: 'too-large' });
    await expect(attempt(undefined, 1000)).rejects.toMatchObject({ kind: 'too-large' });
    await expect(attempt(MIB + 1, MIB)).rejects.toMatchObject({ kind: 'too-large' });
    await expect(attempt(undefined, MIB, digestOf('x'))).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
    await expect(attempt(bytes.length, MIB, digest, cutStream(bytes))).rejects.toMatchObject({ kind: 'invalid' });
    expect(await store.size(digest)).toBeUndefined();
    expect(await attempt(bytes.length, MIB)).toBe(bytes.length);
    expect(await uploads(store)).toEqual(before);
  });

  it('lists what it has with sizes and times, and no longer what was removed', async (context) => {
    const { store } = under(context);
    const digest = await stored(store, randomBytes(1234));
    const found = async () => {
      for await (const blob of store.list()) if (blob.digest === digest) return blob;
      return undefined;
    };
    const listed = await found();
    expect(listed?.size).toBe(1234);
    expect(Math.abs(Date.now() - Number(listed?.storedAt))).toBeLessThan(60_000);
    await store.remove(digest);
    await store.remove(digest);
    expect(await found()).toBeUndefined();
    expect(await store.size(digest)).toBeUndefined();
    await expect(store.open(digest)).rejects.toMatchObject({ kind: 'not-found', code: 'BLOB_UNKNOWN' });
    await expect(store.getBytes(digest, 2000)).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('keeps an open download going while the blob is removed', async (context) => {
    const { store } = under(context);
    const bytes = randomBytes(6 * MIB);
    const digest = await stored(store, bytes);
    const download = await store.open(digest);
    await store.remove(digest);
    expect((await buffer(download)).equals(bytes)).toBe(true);
  });

  it('lets many commit the same digest at once', async (context) => {
    const { store } = under(context);
    const bytes = randomBytes(100 * KIB);
    const digests = await Promise.all(Array.from({ length: 8 }, () => stored(store, bytes)));
    expect(new Set(digests)).toEqual(new Set([digestOf(bytes)]));
    expect(await verifyStored(store, digestOf(bytes), bytes.length)).toBe(bytes.length);
  });
}

async function sendInTwo(first: BlobStore, second: BlobStore, bytes: Buffer, split: number): Promise<StagedBytes> {
  const uploadId = randomUUID();
  const failure = await first
    .staging(uploadId)
    .append(0, cutStream(bytes.subarray(0, split)))
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({
    kind: 'invalid',
    code: 'BLOB_UPLOAD_INVALID',
    options: { detail: { offset: split } },
  });
  const staged = second.staging(uploadId);
  expect(await staged.offset()).toBe(split);
  expect(await staged.append(split, stream(bytes.subarray(split)))).toBe(bytes.length);
  return staged;
}

function uploadSessions(under: Under): void {
  it.for([100, 200 * KIB, 9 * MIB])('goes on after a stream was cut at %i bytes', async (split, context) => {
    const { store } = under(context);
    const bytes = randomBytes(split + 6 * MIB);
    expect(await (await sendInTwo(store, store, bytes, split)).commit(digestOf(bytes))).toBe(bytes.length);
    expect(await verifyStored(store, digestOf(bytes))).toBe(bytes.length);
  });

  it.for(['sha256', 'sha512'] as const)('goes on in another process and closes with %s', async (algorithm, context) => {
    const { store, reopened } = under(context);
    for (const split of [1000, 9 * MIB]) {
      const bytes = randomBytes(split + 100 * KIB);
      const staged = await sendInTwo(store, reopened(), bytes, split);
      expect(await staged.commit(digestOf(bytes, algorithm))).toBe(bytes.length);
      expect(await verifyStored(store, digestOf(bytes, algorithm))).toBe(bytes.length);
    }
  });

  it('takes bytes only at the offset where it stands, and stays usable', async (context) => {
    const { store } = under(context);
    const bytes = randomBytes(50 * KIB);
    const staged = store.staging(randomUUID());
    expect(await staged.offset()).toBe(0);
    for (const at of [1, bytes.length])
      await expect(staged.append(at, stream(bytes))).rejects.toMatchObject({
        kind: 'range',
        code: 'BLOB_UPLOAD_INVALID',
      });
    await staged.append(0, stream(bytes));
    await expect(staged.append(0, stream(bytes))).rejects.toMatchObject({
      kind: 'range',
      options: { detail: { offset: bytes.length } },
    });
    expect(await staged.commit(digestOf(bytes))).toBe(bytes.length);
  });

  it('never mixes two writers of one session', async (context) => {
    const { store } = under(context);
    const [one, two] = [randomBytes(2 * MIB), randomBytes(2 * MIB)];
    const uploadId = randomUUID();
    const results = await Promise.allSettled(
      [one, two].map((bytes) => store.staging(uploadId).append(0, stream(bytes))),
    );
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const winner = results[0]?.status === 'fulfilled' ? one : two;
    expect(await store.staging(uploadId).commit(digestOf(winner))).toBe(winner.length);
  });

  it('stops at the limit of the whole session and keeps what fits', async (context) => {
    const { store } = under(context);
    const staged = store.staging(randomUUID());
    await staged.append(0, stream(Buffer.alloc(1000)), { maxTotal: 1500 });
    await expect(staged.append(1000, stream(Buffer.alloc(600)), { maxTotal: 1500 })).rejects.toMatchObject({
      kind: 'too-large',
    });
    expect(await staged.offset()).toBe(1000);
    await staged.discard();
  });

  it('survives a stream that breaks before it is read', async (context) => {
    const { store } = under(context);
    const gone = new PassThrough();
    const appending = store.staging(randomUUID()).append(0, gone);
    gone.destroy(new Error('the client has gone'));
    await expect(appending).rejects.toMatchObject({ code: 'BLOB_UPLOAD_INVALID', options: { detail: { offset: 0 } } });
  });

  it('cuts an idle stream and keeps what came', async (context) => {
    const { store } = under(context);
    const idle = new PassThrough();
    idle.write(Buffer.alloc(1000));
    const staged = store.staging(randomUUID());
    await expect(staged.append(0, idle, { idleMs: 100 })).rejects.toMatchObject({ code: 'BLOB_UPLOAD_INVALID' });
    expect(idle.destroyed).toBe(true);
    expect(await staged.offset()).toBe(1000);
    await staged.discard();
  });

  it('leaves a refused stream open, so that it can be answered', async (context) => {
    const { store } = under(context);
    const long = new PassThrough();
    long.write(Buffer.alloc(1000));
    const staged = store.staging(randomUUID());
    await expect(staged.append(0, long, { maxTotal: 10 })).rejects.toMatchObject({ kind: 'too-large' });
    expect(long.destroyed).toBe(false);
    await staged.discard();
  });

  it('forgets a discarded session', async (context) => {
    const { store } = under(context);
    const uploadId = randomUUID();
    const staged = store.staging(uploadId);
    await staged.append(0, stream(randomBytes(6 * MIB)));
    expect(await uploads(store)).toContain(uploadId);
    await staged.discard();
    await staged.discard();
    expect(await staged.offset()).toBe(0);
    expect(await uploads(store)).not.toContain(uploadId);
  });
}

function hostileInput(under: Under): void {
  it.for(['sha256', 'sha512'] as const)('shows nothing under a wrong %s digest', async (algorithm, context) => {
    const { store } = under(context);
    for (const size of [100, 9 * MIB]) {
      const bytes = randomBytes(size);
      const famous = digestOf(randomBytes(32), algorithm);
      const uploadId = randomUUID();
      const staged = store.staging(uploadId);
      await staged.append(0, stream(bytes));
      expect(await store.size(famous)).toBeUndefined();
      await expect(staged.commit(famous)).rejects.toMatchObject({ kind: 'invalid', code: 'DIGEST_INVALID' });
      expect(await store.size(famous)).toBeUndefined();
      expect(await store.size(digestOf(bytes, algorithm))).toBeUndefined();
      expect(await uploads(store)).not.toContain(uploadId);
    }
  });

  it('checks the bytes of a digest that is there already', async (context) => {
    const { store } = under(context);
    const bytes = randomBytes(100);
    const digest = await stored(store, bytes);
    const staged = store.staging(randomUUID());
    await staged.append(0, stream(randomBytes(100)));
    await expect(staged.commit(digest)).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
    expect(await verifyStored(store, digest)).toBe(100);
  });

  it.for(['', '..', '../../etc/passwd', 'a/b', `${randomUUID()}/..`, randomUUID().toUpperCase(), `${randomUUID()}\0`])(
    'lets the upload id %j touch nothing',
    (uploadId, context) => {
      const { store } = under(context);
      expect(() => store.staging(uploadId)).toThrow(expect.objectContaining({ code: 'BLOB_UPLOAD_UNKNOWN' }));
    },
  );

  it.for(['', 'sha256:', 'sha256:../../../../etc/passwd', `md5:${'a'.repeat(32)}`, `sha256:${'A'.repeat(64)}`])(
    'lets the digest %j touch nothing',
    async (digest, context) => {
      const { store } = under(context);
      const refusal = { kind: 'invalid', code: 'DIGEST_INVALID' };
      await expect(store.open(digest)).rejects.toMatchObject(refusal);
      await expect(store.size(digest)).rejects.toMatchObject(refusal);
      await expect(store.remove(digest)).rejects.toMatchObject(refusal);
      await expect(store.getBytes(digest, 10)).rejects.toMatchObject(refusal);
      await expect(store.putBytes(digest, Buffer.alloc(1))).rejects.toMatchObject(refusal);
      await expect(store.storeStream(digest, stream(Buffer.alloc(1)), { maxBytes: 9 })).rejects.toMatchObject(refusal);
      await expect(store.staging(randomUUID()).commit(digest)).rejects.toMatchObject(refusal);
    },
  );

  it('sees at open that a stored blob was truncated, and repairs it by the next push', async (context) => {
    const { store, truncate } = under(context);
    const bytes = randomBytes(64 * KIB);
    const digest = await stored(store, bytes);
    await truncate(digest, 1000);
    await expect(store.open(digest, undefined, bytes.length)).rejects.toBeInstanceOf(CorruptBlobError);
    await expect(verifyStored(store, digest)).rejects.toBeInstanceOf(CorruptBlobError);
    await stored(store, bytes);
    expect(await verifyStored(store, digest, bytes.length)).toBe(bytes.length);
  });

  it('finds a flipped bit when it verifies what is stored', async (context) => {
    const { store, overwrite } = under(context);
    const bytes = randomBytes(64 * KIB);
    const digest = await stored(store, bytes);
    bytes[40_000] = Number(bytes[40_000]) ^ 1;
    await overwrite(digest, bytes);
    await expect(verifyStored(store, digest, bytes.length)).rejects.toBeInstanceOf(CorruptBlobError);
  });
}
