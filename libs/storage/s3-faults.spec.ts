import { randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { unavailable } from '#platform/domain-error.js';
import { S3Objects } from './s3-objects.js';
import { S3Store } from './s3-store.js';
import { verifyStored } from './verify-stored.js';
import { NEEDS_VERSITYGW, startVersitygw, type Gateway } from './versitygw.js';

const MIB = 1024 * 1024;
let gateway: Gateway | undefined;
beforeAll(async () => {
  gateway = await startVersitygw();
});
afterAll(() => gateway?.stop());
afterEach(() => vi.restoreAllMocks());

const pieces = (bytes: Buffer) =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / MIB) }, (_, at) => bytes.subarray(at * MIB, (at + 1) * MIB)),
  );

describe('an upload to a bucket', () => {
  it('goes on from the last checkpoint when the process that took it has died', async (context) => {
    if (!gateway) return context.skip(NEEDS_VERSITYGW);
    const bytes = randomBytes(70 * MIB);
    const uploadId = randomUUID();
    const sent = [...Array(70).keys()].map((at) => bytes.subarray(at * MIB, (at + 1) * MIB));
    const dying = new Readable({
      objectMode: true,
      read() {
        const next = sent.shift();
        if (next) this.push(next);
      },
    });
    const lost = new S3Store(gateway.settings).staging(uploadId).append(0, dying);
    const staged = new S3Store(gateway.settings).staging(uploadId);
    await expect.poll(() => staged.offset(), { timeout: 20_000 }).toBe(64 * MIB);
    await staged.append(64 * MIB, pieces(bytes.subarray(64 * MIB)));
    expect(await staged.commit(digestOf(bytes))).toBe(bytes.length);
    expect(await verifyStored(new S3Store(gateway.settings), digestOf(bytes))).toBe(bytes.length);
    dying.destroy();
    await lost.catch(() => undefined);
  });

  it('G13 goes on when a part could not be stored', async (context) => {
    if (!gateway) return context.skip(NEEDS_VERSITYGW);
    const bytes = randomBytes(20 * MIB);
    const store = new S3Store(gateway.settings);
    const staged = store.staging(randomUUID());
    await staged.append(0, pieces(bytes.subarray(0, MIB)));
    vi.spyOn(S3Objects.prototype, 'putPart').mockRejectedValueOnce(unavailable('away'));
    await expect(staged.append(MIB, pieces(bytes.subarray(MIB)))).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await staged.offset()).toBe(MIB);
    await staged.append(MIB, pieces(bytes.subarray(MIB)));
    expect(await staged.commit(digestOf(bytes))).toBe(bytes.length);
  });

  it.for(['copy', 'remove'] as const)(
    'can be committed again when the %s of the first time failed',
    async (step, context) => {
      if (!gateway) return context.skip(NEEDS_VERSITYGW);
      const bytes = randomBytes(9 * MIB);
      const store = new S3Store(gateway.settings);
      const uploadId = randomUUID();
      await store.staging(uploadId).append(0, pieces(bytes));
      vi.spyOn(S3Objects.prototype, step).mockRejectedValueOnce(unavailable('away'));
      await expect(store.staging(uploadId).commit(digestOf(bytes))).rejects.toMatchObject({ kind: 'unavailable' });
      expect(await store.staging(uploadId).commit(digestOf(bytes))).toBe(bytes.length);
      expect(await verifyStored(store, digestOf(bytes))).toBe(bytes.length);
      for await (const left of store.listStaged()) expect(left.uploadId).not.toBe(uploadId);
    },
  );

  it('frees the memory of its parts once they are sent', async (context) => {
    if (!gateway) return context.skip(NEEDS_VERSITYGW);
    const bytes = randomBytes(18 * MIB);
    const putPart = vi.spyOn(S3Objects.prototype, 'putPart');
    const staged = new S3Store(gateway.settings).staging(randomUUID());
    await staged.append(0, pieces(bytes));
    const parts = putPart.mock.calls.map(([, , , body]) => body);
    expect(parts.length).toBe(2);
    expect(parts.map((part) => part.buffer.byteLength)).toEqual([0, 0]);
    expect(await staged.commit(digestOf(bytes))).toBe(bytes.length);
  });

  it('G13 leaves no parts and no objects behind', async (context) => {
    if (!gateway) return context.skip(NEEDS_VERSITYGW);
    const store = new S3Store({ ...gateway.settings, s3Prefix: 'clean' });
    const bytes = randomBytes(9 * MIB);
    for (const digest of [digestOf(bytes), digestOf(bytes), digestOf('other')])
      await store.storeStream(digest, pieces(bytes), { maxBytes: 10 * MIB }).catch(() => undefined);
    for await (const left of store.listStaged()) expect(left).toBeUndefined();
    expect(await store.size(digestOf(bytes))).toBe(bytes.length);
  });
});
