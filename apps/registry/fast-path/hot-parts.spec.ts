import { Readable } from 'node:stream';
import { runInNewContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import { expect, it, vi } from 'vitest';
import type { BlobStore, ByteRange } from '#storage/blob-store.js';
import { HotParts } from './hot-parts.js';

const BLOB = Buffer.from(Array.from({ length: 256 }, (_byte, at) => at));
const DIGEST = 'sha256:blob';
const LIMITS = { smallest: 4, largest: 16, kept: 2000, alive: 64, asked: 3 };

/** A store of one blob, which may break off; it counts what is opened. */
function storeOf(bytes = BLOB) {
  const open = vi.fn((_digest: string, range?: ByteRange) =>
    Promise.resolve(
      Readable.from([bytes.subarray(range!.start, range!.end - 2), bytes.subarray(range!.end - 2, range!.end + 1)]),
    ),
  );
  return { open, store: { open } as unknown as BlobStore };
}

const part = (at: number, size = 8): ByteRange => ({ start: at, end: at + size - 1 });

/** Asks as a reader does: from memory, or from the store when that is wanted. */
async function ask(parts: HotParts, range: ByteRange): Promise<'kept' | 'read' | 'streamed'> {
  const bytes = parts.get(DIGEST, range);
  if (bytes) expect(bytes.equals(BLOB.subarray(range.start, range.end + 1))).toBe(true);
  if (bytes) return 'kept';
  if (!parts.wants(DIGEST, range)) return 'streamed';
  await parts.read(DIGEST, range, BLOB.length);
  return 'read';
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  await new Promise((done) => setTimeout(done, 5));
}

it('a part that is asked for again is read once and kept', async () => {
  const { store, open } = storeOf();
  const parts = new HotParts(store, LIMITS);
  const seen = [];
  for (let again = 0; again < 4; again += 1) seen.push(await ask(parts, part(8)));
  expect(seen).toEqual(['streamed', 'read', 'kept', 'kept']);
  expect(open.mock.calls).toEqual([[DIGEST, part(8), BLOB.length]]);
});

it('who reads from one end to the other, again and again, has nothing kept', async () => {
  const parts = new HotParts(storeOf().store, LIMITS);
  for (let again = 0; again < 3; again += 1)
    for (let at = 0; at < 40; at += 8) expect(await ask(parts, part(at))).toBe('streamed');
});

it('parts that are smaller or larger than those that pay are never kept', async () => {
  const parts = new HotParts(storeOf().store, LIMITS);
  for (const size of [3, 17])
    for (let again = 0; again < 3; again += 1) expect(await ask(parts, part(0, size))).toBe('streamed');
});

it('one reader of a part is enough: who comes meanwhile reads by himself', async () => {
  const parts = new HotParts(storeOf().store, LIMITS);
  parts.wants(DIGEST, part(8));
  const reading = parts.read(DIGEST, part(8), BLOB.length);
  expect(parts.wants(DIGEST, part(8))).toBe(false);
  await reading;
  expect(await ask(parts, part(8))).toBe('kept');
});

it('bytes that are missing are an error, and nothing of them is kept', async () => {
  const parts = new HotParts(storeOf(BLOB.subarray(0, 12)).store, LIMITS);
  await expect(parts.read(DIGEST, part(8), BLOB.length)).rejects.toThrow('does not have the size');
  expect(parts.get(DIGEST, part(8))).toBeUndefined();
});

it('what is dropped counts for as long as somebody has it', async () => {
  const parts = new HotParts(storeOf().store, { ...LIMITS, kept: 300 });
  const onTheirWay = [];
  for (let at = 0; at < 64; at += 8) onTheirWay.push(await parts.read(DIGEST, part(at), BLOB.length));
  parts.wants(DIGEST, part(100));
  expect(parts.wants(DIGEST, part(100))).toBe(false);
  expect(onTheirWay).toHaveLength(8);
  onTheirWay.length = 0;
  await vi.waitFor(async () => {
    await collectGarbage();
    expect(parts.wants(DIGEST, part(100))).toBe(true);
  });
});
