import { once } from 'node:events';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { algorithmOf, type Digest, hasherFor } from '#oci/digest.js';
import { messageOf } from '#platform/domain-error.js';

/** Keeps a stream while it passes by; resolves when all of it is checked and stored. */
export type Keep = (bytes: Readable) => Promise<unknown>;

/**
 * Passes a blob on to a reader as it comes, and keeps it meanwhile when there is a way to. The reader gets the last bytes
 * only when the whole is right; otherwise its stream breaks off. A reader that leaves does not end the keeping.
 */
export function teeBlob(upstream: Readable, digest: Digest, size: number, keep?: Keep): Readable {
  const reader = new PassThrough();
  reader.on('error', () => undefined);
  const passing = keep ? passAndKeep(upstream, reader, keep) : passAndCheck(upstream, reader, digest, size);
  passing.catch((error: unknown) => {
    upstream.on('error', () => undefined).destroy();
    reader.destroy(error instanceof Error ? error : new Error(messageOf(error)));
  });
  return reader;
}

async function passAndKeep(upstream: Readable, reader: PassThrough, keep: Keep): Promise<void> {
  const keeper = new PassThrough();
  keeper.on('error', () => undefined);
  const kept = keep(keeper);
  kept.catch(() => undefined);
  let last: Buffer | undefined;
  try {
    for await (const chunk of upstream as AsyncIterable<Buffer>) {
      await write(keeper, chunk);
      if (keeper.destroyed) break;
      if (last) await write(reader, last);
      last = chunk;
    }
    keeper.end();
  } catch (error) {
    keeper.destroy(error as Error);
  }
  await kept;
  if (last) await write(reader, last);
  reader.end();
}

async function passAndCheck(upstream: Readable, reader: PassThrough, digest: Digest, size: number): Promise<void> {
  const hash = hasherFor(algorithmOf(digest));
  let last: Buffer | undefined;
  let count = 0;
  for await (const chunk of upstream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    count += chunk.length;
    if (count > size) break;
    if (last) await write(reader, last);
    if (reader.destroyed) return;
    last = chunk;
  }
  const actual = `${algorithmOf(digest)}:${hash.digest('hex')}`;
  if (count !== size || actual !== digest)
    throw new Error(`The upstream gave ${count} bytes ${actual} in place of ${size} bytes ${digest}.`);
  if (last) await write(reader, last);
  reader.end();
}

/** Writes a chunk and waits until there is room again; quiet when the other side has gone. */
async function write(to: Writable, chunk: Buffer): Promise<void> {
  if (to.destroyed || to.write(chunk)) return;
  const gone = new AbortController();
  const { signal } = gone;
  await Promise.race([once(to, 'drain', { signal }), once(to, 'close', { signal })]).catch(() => undefined);
  gone.abort();
}
