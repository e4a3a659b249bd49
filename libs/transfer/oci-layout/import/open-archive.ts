import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { refused } from '../tar/refusal.js';
import type { ImportFiles } from './import-files.js';
import { BufferRing, CHUNK, readAhead } from '../read-ahead.js';

/** How large an archive may get. */
export interface ArchiveLimits {
  /** Most bytes without compression; 0: no limit. */
  readonly bytes: number;
  /** Most times that the bytes may grow by decompression, once they are many. */
  readonly ratio: number;
}

/** An archive whose bytes can be read once from the front, a chunk ahead at most, and after that anywhere in `path`. */
export interface OpenedArchive {
  readonly path: string;
  readonly bytes: AsyncIterable<Buffer>;
}

const RATIO_FROM = 64 * CHUNK;

/** Chunks in use: one is taken, one waits for whoever takes it, one is read ahead; the last is for safety. */
const RING = 4;

/** Pieces that an archive may be compressed in, however small they are, and besides those of a size that writers make. */
const FEW_PIECES = 1000;
const SMALL_PIECE = CHUNK / 16;

type Decompressor = Transform & { readonly bytesWritten: number };

/**
 * Opens an uploaded archive: as it is, or without the compression that its first bytes show (gzip, zstd). What is
 * decompressed is written to a file beside it while it is read.
 */
export async function openArchive(files: ImportFiles, limits: ArchiveLimits): Promise<OpenedArchive> {
  if (!(await decompressorAt(files.upload, 0)))
    return { path: files.upload, bytes: readAhead(files.upload, new BufferRing(RING)) };
  return { path: files.plain, bytes: keep(decompress(files.upload), files, limits) };
}

async function decompressorAt(path: string, at: number): Promise<(() => Decompressor) | undefined> {
  const head = await bytesAt(path, at, 4);
  if (head.readUInt16BE(0) === 0x1f8b) return () => createGunzip({ chunkSize: CHUNK });
  const magic = head.readUInt32LE(0);
  // A frame of zstd, or one that is skipped: pzstd begins with such a one (RFC 8878, 3.1).
  const isZstd = magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5;
  return isZstd ? () => createZstdDecompress({ chunkSize: CHUNK }) : undefined;
}

/** Bytes of a file; zeros where it has none. */
async function bytesAt(path: string, at: number, length: number): Promise<Buffer> {
  const file = await open(path);
  try {
    return (await file.read(Buffer.alloc(length), 0, length, at)).buffer;
  } finally {
    await file.close();
  }
}

/** The bytes of a compressed file. Those of zstd end with each frame, and what follows has to be another one. */
async function* decompress(path: string): AsyncGenerator<Buffer> {
  const { size } = await stat(path);
  let at = 0;
  for (let pieces = 0; at < size; pieces += 1) {
    const make = await decompressorAt(path, at);
    if (!make) throw refused('Bytes follow the end of the compressed archive; send it without them.');
    if (pieces > FEW_PIECES + size / SMALL_PIECE)
      throw refused('The archive is compressed in too many pieces; send one that is compressed in one, or not at all.');
    const engine = make();
    pipeline(createReadStream(path, { start: at, highWaterMark: CHUNK }), engine, () => undefined);
    try {
      yield* readable(engine);
    } finally {
      engine.destroy();
    }
    at += engine.bytesWritten;
  }
}

/** Writes what is read into a file, within limits. */
async function* keep(
  bytes: AsyncIterable<Buffer>,
  { upload, plain }: ImportFiles,
  limits: ArchiveLimits,
): AsyncGenerator<Buffer> {
  const { size } = await stat(upload);
  const copy = createWriteStream(plain, { flags: 'w', mode: 0o600, highWaterMark: 4 * CHUNK });
  const failed = new Promise<never>((_done, fail) => copy.once('error', fail));
  failed.catch(() => undefined);
  let total = 0;
  try {
    for await (const chunk of bytes) {
      total += chunk.length;
      if (limits.bytes > 0 && total > limits.bytes) throw refused(`The archive has more than ${limits.bytes} bytes.`);
      if (total > RATIO_FROM && total > size * limits.ratio)
        throw refused(
          `The archive grows more than ${limits.ratio} times when it is decompressed; send it as a plain tar.`,
        );
      if (!copy.write(chunk)) await Promise.race([once(copy, 'drain'), failed]);
      yield chunk;
    }
    copy.end();
    await Promise.race([once(copy, 'close'), failed]);
  } finally {
    copy.destroy();
  }
}

/** Errors of the decompression are errors of the archive. */
async function* readable(engine: Decompressor): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of engine as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (/^(?:Z_|ZSTD_|ERR_)/.test(code))
      throw refused(`The archive cannot be decompressed: ${(error as Error).message}.`);
    throw error;
  }
}
