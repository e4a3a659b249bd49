import { Readable } from 'node:stream';
import type { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { DomainError, unavailable } from '#platform/domain-error.js';
import type { BlobStore, ByteRange } from '#storage/blob-store.js';
import { END_OF_ARCHIVE, tarHeader, tarPadding } from '../tar/tar-writer.js';
import { BufferRing, CHUNK, readAhead } from '../read-ahead.js';
import type { LayoutPlan, PlannedEntry } from './plan-layout.js';

/**
 * Chunks that one who reads with backpressure can have at once: one is being sent, one waits in the stream, one is read
 * ahead; the others are for safety.
 */
const RING = 6;

/** How an archive is sent. */
export interface StreamOptions {
  /**
   * Large chunks are overwritten later. Only for pipes into something that says when it is full and takes no more then, as
   * answers and files do; whoever collects chunks would find other bytes in them.
   */
  readonly reusesBuffers?: boolean;
}

/** Where the bytes of an archive are read. */
export interface LayoutStores {
  readonly source: DataSource;
  readonly store: BlobStore;
}

/**
 * The bytes of a planned archive, or a range of them (both ends included), in constant memory. The stream fails when what
 * is stored has another size than planned, so that no archive ends well with wrong bytes.
 */
export function streamLayout(
  plan: LayoutPlan,
  stores: LayoutStores,
  range?: ByteRange,
  options: StreamOptions = {},
): Readable {
  const { start, end } = range ?? { start: 0, end: plan.length - 1 };
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || start > end || end >= plan.length)
    throw new DomainError(
      'range',
      'RANGE_INVALID',
      `The range must lie inside the ${plan.length} bytes of the archive.`,
      {
        detail: { size: plan.length },
      },
    );
  const reading = { ...stores, ring: options.reusesBuffers ? new BufferRing(RING) : undefined };
  return Readable.from(write(plan, reading, start, end + 1), { objectMode: false, highWaterMark: CHUNK });
}

interface Reading extends LayoutStores {
  readonly ring: BufferRing | undefined;
}

async function* write(plan: LayoutPlan, reading: Reading, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = firstEntry(plan.entries, start); at < plan.entries.length; at += 1) {
    const entry = plan.entries[at]!;
    if (entry.offset >= end) return;
    const header = tarHeader(entry.path, entry.size);
    const body = entry.offset + header.length;
    const tail = body + entry.size;
    yield* cut(header, entry.offset, start, end);
    if (start < tail && end > body)
      yield* read(entry, reading, { start: Math.max(0, start - body), end: Math.min(entry.size, end - body) });
    yield* cut(tarPadding(entry.size), tail, start, end);
  }
  yield* cut(END_OF_ARCHIVE, plan.length - END_OF_ARCHIVE.length, start, end);
}

/** The last entry that begins at or before an offset. */
function firstEntry(entries: readonly PlannedEntry[], offset: number): number {
  let low = 0;
  let high = entries.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (entries[middle]!.offset <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The part of bytes at `at` that lies between `start` and `end`. */
function* cut(bytes: Buffer, at: number, start: number, end: number): Generator<Buffer> {
  const part = bytes.subarray(Math.max(0, start - at), Math.max(0, end - at));
  if (part.length > 0) yield part;
}

/** Bytes of a file from `start` up to `end`, that one not included. */
async function* read(entry: PlannedEntry, reading: Reading, range: ByteRange): AsyncGenerator<Buffer> {
  const { origin, size } = entry;
  if (origin.kind === 'blob') {
    if (size === 0) return;
    let got = 0;
    for await (const chunk of blobChunks(entry, origin.digest, reading, { start: range.start, end: range.end - 1 })) {
      got += chunk.length;
      yield chunk;
    }
    if (got !== range.end - range.start) throw changed(entry);
    return;
  }
  const bytes = origin.kind === 'bytes' ? origin.bytes : await rowBytes(reading.source, origin);
  if (bytes?.length !== size) throw changed(entry);
  yield bytes.subarray(range.start, range.end);
}

/** A stream takes chunks without being full only when they are small, so those are never overwritten. */
async function* blobChunks(
  entry: PlannedEntry,
  digest: string,
  { store, ring }: Reading,
  range: ByteRange,
): AsyncGenerator<Buffer> {
  const path = ring && entry.size >= CHUNK ? store.localPath?.(digest, entry.size) : undefined;
  if (path !== undefined && (await store.size(digest)) !== entry.size) throw changed(entry);
  if (path === undefined) yield* (await store.open(digest, range, entry.size)) as AsyncIterable<Buffer>;
  else for await (const chunk of readAhead(path, ring, range)) yield chunk.length < CHUNK ? Buffer.from(chunk) : chunk;
}

async function rowBytes(source: DataSource, origin: { kind: 'manifest' | 'signature'; id: string }) {
  const table = origin.kind === 'manifest' ? 'manifest' : 'signature';
  const [row] = await rowsOf<{ bytes: Buffer }>(source, `select bytes from ${table} where id = $1`, [origin.id]);
  return row?.bytes;
}

const changed = (entry: PlannedEntry) =>
  unavailable(`${entry.path} is not what it was when the export began; ask again.`);
