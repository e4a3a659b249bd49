import { createHash, randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const MIB = 1024 * 1024;

/**
 * What a push cannot beat: bytes that are there already are written in pieces of 1 MiB, hashed beside that unless `hash` is
 * false, and flushed. The file is removed again.
 */
export async function hashAndWrite(folder: string, mib: number, hash = true): Promise<void> {
  const path = join(folder, randomUUID());
  const file = await open(path, 'w');
  const block = Buffer.alloc(MIB, 7);
  const running = createHash('sha256');
  for (let at = 0; at < mib; at += 1) {
    const writing = file.write(block, 0, MIB, at * MIB);
    if (hash) running.update(block);
    await writing;
  }
  await file.datasync();
  await file.close();
  await rm(path);
}
