import { Readable } from 'node:stream';
import type { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { DomainError, unavailable } from '#platform/domain-error.js';
import type { BlobStore, ByteRange } from '#storage/blob-store.js';
import { END_OF_ARCHIVE, tarHeader, tarPadding } from '../tar/tar-writer.js';
import type { LayoutPlan, PlannedEntry } from './plan-layout.js';

/** Where the bytes of an archive are read. */
export interface LayoutStores {
  readonly source: DataSource;
  readonly store: BlobStore;
}

/**
 * The bytes of a planned archive, or a range of them (both ends included), in constant memory. The stream fails when what
 * is stored has another size than planned, so that no archive ends well with wrong bytes.
 */
export function streamLayout(plan: LayoutPlan, stores: LayoutStores, range?: ByteRange): Readable {
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
  return Readable.from(write(plan, stores, start, end + 1), { objectMode: false, highWaterMark: 1 << 20 });
}

async function* write(plan: LayoutPlan, stores: LayoutStores, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = firstEntry(plan.entries, start); at < plan.entries.length; at += 1) {
    const entry = plan.entries[at]!;
    if (entry.offset >= end) return;
    const header = tarHeader(entry.path, entry.size);
    const body = entry.offset + header.length;
    const tail = body + entry.size;
    yield* cut(header, entry.offset, start, end);
    if (start < tail && end > body)
      yield* read(entry, stores, { start: Math.max(0, start - body), end: Math.min(entry.size, end - body) });
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
async function* read(entry: PlannedEntry, stores: LayoutStores, range: ByteRange): AsyncGenerator<Buffer> {
  const { origin, size } = entry;
  if (origin.kind === 'blob') {
    if (size === 0) return;
    const stream = await stores.store.open(origin.digest, { start: range.start, end: range.end - 1 }, size);
    let got = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      got += chunk.length;
      yield chunk;
    }
    if (got !== range.end - range.start) throw changed(entry);
    return;
  }
  const bytes = origin.kind === 'bytes' ? origin.bytes : await rowBytes(stores.source, origin);
  if (bytes?.length !== size) throw changed(entry);
  yield bytes.subarray(range.start, range.end);
}

async function rowBytes(source: DataSource, origin: { kind: 'manifest' | 'signature'; id: string }) {
  const table = origin.kind === 'manifest' ? 'manifest' : 'signature';
  const [row] = await rowsOf<{ bytes: Buffer }>(source, `select bytes from ${table} where id = $1`, [origin.id]);
  return row?.bytes;
}

const changed = (entry: PlannedEntry) =>
  unavailable(`${entry.path} is not what it was when the export began; ask again.`);
