import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type DigestAlgorithm, digestOf } from '#oci/digest.js';
import { FileStore } from './file-store.js';
import { BLOCK_BYTES } from './gathered-chunks.js';
import { ThreadDigest } from './hash-thread.js';
import { BlockDigest } from './block-digest.js';
import { stream } from './suite-bytes.js';

/** Bytes in a buffer that has its memory for itself, as blocks do. */
const block = (bytes: Buffer) => {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
};

const endThread = () => new ThreadDigest('no such algorithm' as DigestAlgorithm).update(block(Buffer.alloc(1)));

describe('the hash of blocks', () => {
  it.for([
    ['sha256', [100]],
    ['sha256', [100, BLOCK_BYTES, BLOCK_BYTES]],
    ['sha256', [BLOCK_BYTES, BLOCK_BYTES, 7, 0, BLOCK_BYTES]],
    ['sha512', [BLOCK_BYTES, 1]],
  ] as const)(
    'is the %s of blocks of %j bytes after each of them, which come back whole',
    async ([algorithm, sizes]) => {
      const digest = new BlockDigest(algorithm);
      expect(await digest.digest()).toBe(digestOf('', algorithm));
      let sent = Buffer.alloc(0);
      for (const size of sizes) {
        const bytes = randomBytes(size);
        sent = Buffer.concat([sent, bytes]);
        expect((await digest.update(block(bytes), size === BLOCK_BYTES)).equals(bytes)).toBe(true);
        expect(await digest.digest()).toBe(digestOf(sent, algorithm));
        expect(digest.bytes).toBe(sent.length);
      }
    },
  );

  it('keeps apart what many sessions hash at once', async () => {
    const all = Array.from({ length: 6 }, () => randomBytes(3 * BLOCK_BYTES));
    const digests = await Promise.all(
      all.map(async (bytes) => {
        const digest = new BlockDigest();
        const blocks = [0, 1, 2].map((at) => block(bytes.subarray(at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES)));
        await Promise.all(blocks.map((each) => digest.update(each, true)));
        return digest.digest();
      }),
    );
    expect(digests).toEqual(all.map((bytes) => digestOf(bytes)));
  });

  it('fails when its thread has died, and those that begin later do not', async () => {
    const digest = new BlockDigest();
    await digest.update(block(randomBytes(BLOCK_BYTES)), true);
    await expect(endThread()).rejects.toThrow();
    await expect(digest.update(block(Buffer.alloc(1)), false)).rejects.toThrow();
    await expect(digest.digest()).rejects.toThrow();
    const bytes = randomBytes(BLOCK_BYTES);
    const next = new BlockDigest();
    await next.update(block(bytes), true);
    expect(await next.digest()).toBe(digestOf(bytes));
  });

  it('is made anew from the bytes that are there when its thread has died', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hallmark-digest-'));
    const bytes = randomBytes(3 * BLOCK_BYTES);
    const staged = new FileStore(folder).staging(randomUUID());
    const offset = await staged.append(0, stream(bytes.subarray(0, 2 * BLOCK_BYTES)));
    await expect(endThread()).rejects.toThrow();
    await expect(staged.append(offset, stream(bytes.subarray(offset)))).rejects.toThrow();
    expect(await staged.offset()).toBe(offset);
    await staged.append(offset, stream(bytes.subarray(offset)));
    expect(await staged.commit(digestOf(bytes))).toBe(bytes.length);
    await rm(folder, { recursive: true });
  });

  it('keeps a process alive while it is made, and no longer', async () => {
    const program = `
      const { ThreadDigest } = await import(${JSON.stringify(new URL('hash-thread.ts', import.meta.url).href)});
      const digest = new ThreadDigest('sha256');
      await digest.update(Buffer.alloc(${BLOCK_BYTES}));
      process.stdout.write(await digest.digest());`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
    expect(stdout).toBe(digestOf(Buffer.alloc(BLOCK_BYTES)));
  });
});
