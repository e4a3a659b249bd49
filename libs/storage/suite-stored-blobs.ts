import { randomBytes, randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { digestOf, EMPTY_JSON_DIGEST } from '#oci/digest.js';
import { CheckedBlob } from './checked-blob.js';
import { cutStream, KIB, MIB, stored, stream, uploads, type Under } from './suite-bytes.js';
import { verifyStored } from './verify-stored.js';

/** What every store must do with whole blobs. */
export function storedBlobs(under: Under): void {
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

  it('stores many small blobs together, also those that are there, and leaves no upload', async (context) => {
    const { store } = under(context);
    const before = await uploads(store);
    const all = Array.from({ length: 40 }, (_each, at) => randomBytes(at * 100));
    const blobs = all.map((bytes, at) => CheckedBlob.of(digestOf(bytes, at % 2 === 0 ? 'sha256' : 'sha512'), bytes));
    await store.putBytes(blobs[3]!.digest, blobs[3]!.bytes);
    await Promise.all([store.putAll(blobs.slice(0, 30)), store.putAll(blobs.slice(20))]);
    await store.putAll([]);
    for (const { digest, bytes } of blobs) expect((await store.getBytes(digest, 4000)).equals(bytes)).toBe(true);
    expect(await uploads(store)).toEqual(before);
    expect(() => CheckedBlob.of(digestOf('other'), all[1]!)).toThrow(/have the digest/);
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
