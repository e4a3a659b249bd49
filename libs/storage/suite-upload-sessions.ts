import { randomBytes, randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import type { BlobStore, StagedBytes } from './blob-store.js';
import { cutStream, KIB, MIB, stream, uploads, type Under } from './suite-bytes.js';
import { verifyStored } from './verify-stored.js';

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

/** What every store must do with upload sessions. */
export function uploadSessions(under: Under): void {
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

  it.for([1000, 9 * MIB])('tells the digest of %i bytes before it is decided to store them', async (size, context) => {
    const { store, reopened } = under(context);
    const bytes = randomBytes(size);
    const [uploadId, dropped] = [randomUUID(), store.staging(randomUUID())];
    await store.staging(uploadId).append(0, stream(bytes));
    await dropped.append(0, stream(bytes), { closing: true });
    expect(await dropped.digest('sha256')).toBe(digestOf(bytes));
    await dropped.discard();
    const staged = reopened().staging(uploadId);
    for (const algorithm of ['sha256', 'sha512'] as const)
      expect(await staged.digest(algorithm)).toBe(digestOf(bytes, algorithm));
    expect(await store.size(digestOf(bytes))).toBeUndefined();
    expect(await staged.commit(digestOf(bytes))).toBe(size);
    expect(await verifyStored(store, digestOf(bytes))).toBe(size);
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

  it('cuts a stream that drips, and keeps what came', async (context) => {
    const { store } = under(context);
    const slow = new PassThrough();
    const drip = setInterval(() => slow.write('x'), 10);
    const staged = store.staging(randomUUID());
    await expect(staged.append(0, slow, { idleMs: 200, idleBytes: 1000 })).rejects.toMatchObject({ kind: 'invalid' });
    clearInterval(drip);
    expect(await staged.offset()).toBeGreaterThan(0);
    await staged.discard();
  });

  it('leaves nothing of a refused first append', async (context) => {
    const { store } = under(context);
    const uploadId = randomUUID();
    await expect(store.staging(uploadId).append(5, stream(Buffer.alloc(1)))).rejects.toMatchObject({ kind: 'range' });
    expect(await uploads(store)).not.toContain(uploadId);
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
