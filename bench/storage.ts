import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { digestOf } from '#oci/digest.js';
import { FileStore } from '#storage/file-store.js';
import { hashAndWrite } from './hash-and-write.js';

// Usage: node bench/storage.js [FOLDER] (as built): what the file store makes of the hash-and-write limit of this machine.
const MIB = 1024 * 1024;
const folder = join(resolve(process.argv[2] ?? 'var'), `bench-storage-${process.pid}`);
const chunk = Buffer.alloc(64 * 1024, 7);
const source = (bytes: number) =>
  Readable.from(
    (function* () {
      for (let left = bytes; left > 0; left -= chunk.length) yield chunk;
    })(),
    { objectMode: false, highWaterMark: MIB },
  );

async function rate(name: string, bytes: number, work: () => Promise<unknown>): Promise<void> {
  let best = Infinity;
  for (let run = 0; run < 4; run++) {
    const start = performance.now();
    await work();
    best = Math.min(best, performance.now() - start);
  }
  console.log(`${name.padEnd(44)} ${(bytes / MIB / (best / 1000)).toFixed(0).padStart(6)} MiB/s`);
}

const digestOfZeros = (bytes: number) => {
  const hash = createHash('sha256');
  for (let left = bytes; left > 0; left -= chunk.length) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
};

async function push(store: FileStore, bytes: number, digest: string): Promise<void> {
  const staged = store.staging(randomUUID());
  await staged.append(0, source(bytes));
  await staged.commit(digest);
}

await mkdir(folder, { recursive: true });
try {
  const bytes = 512 * MIB;
  const digest = digestOfZeros(bytes);
  await rate('limit: sha256 alone', bytes, () => Promise.resolve(digestOfZeros(bytes)));
  await rate('limit: 1 MiB writes and one flush', bytes, () => hashAndWrite(folder, bytes / MIB, false));
  await rate('limit: the same, hashed beside', bytes, () => hashAndWrite(folder, bytes / MIB));
  for (const fsync of [true, false]) {
    const store = new FileStore(folder, fsync);
    const flushed = fsync ? 'flushed' : 'not flushed';
    await rate(`push of 512 MiB, ${flushed}`, bytes, async () => {
      await push(store, bytes, digest);
      await store.remove(digest);
    });
    const small = Array.from({ length: 400 }, (_, index) => Buffer.alloc(20_000, `${index}`));
    const start = performance.now();
    await Promise.all(
      Array.from({ length: 8 }, async (_, client) => {
        for (let index = client; index < small.length; index += 8) {
          const each = small[index] as Buffer;
          await store.putBytes(digestOf(each), each);
        }
      }),
    );
    console.log(`20 KB blobs, 8 at once, ${flushed}: ${((400 / (performance.now() - start)) * 1000).toFixed(0)}/s`);
    for (const each of small) await store.remove(digestOf(each));
  }
} finally {
  await rm(folder, { recursive: true });
}
