import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BLOCK_BYTES, gatherChunks, gatherOptions } from './gathered-chunks.js';

const KIB = 1024;

/** Gathers chunks into blocks of two; gives what the sink got. */
async function gathered(chunks: readonly Buffer[], ownsChunks: boolean) {
  const written: Buffer[] = [];
  const sink = {
    async write(block: Buffer) {
      await new Promise(setImmediate);
      written.push(Buffer.from(block));
    },
    end: () => Promise.resolve(),
  };
  await gatherChunks(Readable.from(chunks, { objectMode: false }), gatherOptions(0, { ownsChunks }), sink);
  return Buffer.concat(written);
}

const whole = (fill: number) => Buffer.alloc(64 * KIB, fill);

/** How many blocks are taken from streams before the first of them is written. */
async function blocksTaken(streams: number): Promise<number> {
  let taken = 0;
  function* chunks() {
    for (let at = 0; at < 10 * (BLOCK_BYTES / (64 * KIB)); at++) {
      taken += 64 * KIB;
      yield Buffer.alloc(64 * KIB);
    }
  }
  let go = () => undefined as void;
  const gate = new Promise<void>((resolve) => (go = resolve));
  const sink = { write: () => gate, end: () => Promise.resolve() };
  const gathering = Array.from({ length: streams }, () =>
    gatherChunks(Readable.from(chunks(), { objectMode: false }), gatherOptions(0, {}), sink),
  );
  for (let before = -1; before < taken; await new Promise((later) => setTimeout(later, 20))) before = taken;
  const blocks = taken / BLOCK_BYTES;
  go();
  await Promise.all(gathering);
  return blocks;
}

describe('chunks of a stream', () => {
  it('are freed, and their bytes are written', async () => {
    const chunks = [1, 2, 3, 4, 5].map(whole);
    const bytes = Buffer.concat(chunks);
    expect((await gathered(chunks, true)).equals(bytes)).toBe(true);
    expect(chunks.map((chunk) => chunk.length)).toEqual([0, 0, 0, 0, 0]);
  });

  it('are left alone when they are parts of a larger buffer', async () => {
    const bytes = Buffer.concat([1, 2, 3].map(whole));
    const chunks = [bytes.subarray(0, 100 * KIB), bytes.subarray(100 * KIB)];
    expect((await gathered(chunks, true)).equals(bytes)).toBe(true);
    expect(bytes.length).toBe(192 * KIB);
    expect(bytes.at(-1)).toBe(3);
  });

  it('are left alone when somebody else may hold them', async () => {
    const chunks = [1, 2, 3].map(whole);
    expect((await gathered(chunks, false)).equals(Buffer.concat(chunks))).toBe(true);
    expect(chunks.map((chunk) => chunk.length)).toEqual([64 * KIB, 64 * KIB, 64 * KIB]);
  });

  it('of many streams that stop hold little', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const streams = Array.from({ length: 300 }, () => new Readable({ read: () => undefined }));
    const sink = { write: () => Promise.resolve(), end: () => Promise.resolve() };
    const gathering = streams.map((stream) => gatherChunks(stream, gatherOptions(0, { ownsChunks: true }), sink));
    for (let round = 0; round < 20; round += 1) {
      for (const stream of streams) stream.push(Buffer.allocUnsafeSlow(64 * KIB));
      await new Promise((done) => setTimeout(done, 5));
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * KIB * KIB);
    for (const stream of streams) stream.push(null);
    for (const { bytes } of await Promise.all(gathering)) expect(bytes).toBe(20 * 64 * KIB);
  });

  it('are taken from one stream while a few blocks of it wait, and from many while each has few that wait', async () => {
    expect(await blocksTaken(1)).toBeGreaterThanOrEqual(4);
    expect(await blocksTaken(40)).toBeLessThan(2.5 * 40);
  });
});
