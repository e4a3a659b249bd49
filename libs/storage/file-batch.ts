import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { settled } from '#platform/settled.js';
import type { CheckedBlob } from './checked-blob.js';
import { type FileLayout, removeFile } from './file-layout.js';
import type { BlobPlacer, WrittenBlob } from './file-placer.js';
import { openIn } from './file-write.js';
import { asStorageError } from './storage-errors.js';

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/** Stores small blobs as files, in steps that all of them take together, so that they share flushes. */
export async function placeTogether(
  layout: FileLayout,
  placer: BlobPlacer,
  blobs: readonly CheckedBlob[],
): Promise<void> {
  const written: WrittenBlob[] = [];
  try {
    await settled(blobs.map(async (blob) => void written.push(await write(layout, blob))));
    await placer.placeAll(written);
  } catch (error) {
    await settled(written.map(({ path }) => removeFile(path)));
    throw asStorageError(error);
  } finally {
    await settled(written.map(({ file }) => file.close()));
  }
}

async function write(layout: FileLayout, { digest, bytes }: CheckedBlob): Promise<WrittenBlob> {
  const path = layout.upload(randomUUID());
  const file = await openIn(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
  try {
    await file.writeFile(bytes);
    return { digest, path, file };
  } catch (error) {
    await file.close();
    await removeFile(path);
    throw error;
  }
}
