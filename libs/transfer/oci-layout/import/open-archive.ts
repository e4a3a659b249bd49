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

type Decompressor = Transform & { readonly bytesWritten: number };

/**
 * Opens an uploaded archive: as it is, or without the compression that its first bytes show (gzip, zstd). What is
 * decompressed is written to a file beside it while it is read.
 */
export async function openArchive(files: ImportFiles, limits: ArchiveLimits): Promise<OpenedArchive> {
  const make = decompressorOf(await firstBytes(files.upload));
  if (!make) return { path: files.upload, bytes: readAhead(files.upload, new BufferRing(RING)) };
  return { path: files.plain, bytes: decompress(files, make(), limits) };
}

function decompressorOf(head: Buffer): (() => Decompressor) | undefined {
  if (head.readUInt16BE(0) === 0x1f8b) return () => createGunzip({ chunkSize: CHUNK });
  if (head.readUInt32LE(0) === 0xfd2fb528) return () => createZstdDecompress({ chunkSize: CHUNK });
  return undefined;
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    return (await file.read(Buffer.alloc(4), 0, 4, 0)).buffer;
  } finally {
    await file.close();
  }
}

async function* decompress(files: ImportFiles, engine: Decompressor, limits: ArchiveLimits): AsyncGenerator<Buffer> {
  const { size } = await stat(files.upload);
  const copy = createWriteStream(files.plain, { flags: 'w', mode: 0o600, highWaterMark: 4 * CHUNK });
  const failed = new Promise<never>((_done, fail) => copy.once('error', fail));
  failed.catch(() => undefined);
  pipeline(createReadStream(files.upload, { highWaterMark: CHUNK }), engine, () => undefined);
  let total = 0;
  try {
    for await (const chunk of readable(engine)) {
      total += chunk.length;
      if (limits.bytes > 0 && total > limits.bytes) throw refused(`The archive has more than ${limits.bytes} bytes.`);
      if (total > RATIO_FROM && total > size * limits.ratio)
        throw refused(
          `The archive grows more than ${limits.ratio} times when it is decompressed; send it as a plain tar.`,
        );
      if (!copy.write(chunk)) await Promise.race([once(copy, 'drain'), failed]);
      yield chunk;
    }
    if (engine.bytesWritten !== size)
      throw refused(
        'Bytes follow the end of the compressed archive; send one that is compressed in one piece, or not at all.',
      );
    copy.end();
    await Promise.race([once(copy, 'close'), failed]);
  } finally {
    engine.destroy();
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
