import { randomBytes, randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { CorruptBlobError } from './storage-errors.js';
import { KIB, MIB, stored, stream, uploads, type Under } from './suite-bytes.js';
import { verifyStored } from './verify-stored.js';

/** What every store must refuse, and find. */
export function hostileInput(under: Under): void {
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

  it('B13 sees at open that a stored blob was truncated, and repairs it by the next push', async (context) => {
    const { store, truncate } = under(context);
    const bytes = randomBytes(64 * KIB);
    const digest = await stored(store, bytes);
    await truncate(digest, 1000);
    await expect(store.open(digest, undefined, bytes.length)).rejects.toBeInstanceOf(CorruptBlobError);
    await expect(verifyStored(store, digest)).rejects.toBeInstanceOf(CorruptBlobError);
    await stored(store, bytes);
    expect(await verifyStored(store, digest, bytes.length)).toBe(bytes.length);
  });

  it('B12 finds a flipped bit when it verifies what is stored', async (context) => {
    const { store, overwrite } = under(context);
    const bytes = randomBytes(64 * KIB);
    const digest = await stored(store, bytes);
    bytes[40_000] = Number(bytes[40_000]) ^ 1;
    await overwrite(digest, bytes);
    await expect(verifyStored(store, digest, bytes.length)).rejects.toBeInstanceOf(CorruptBlobError);
  });
}
