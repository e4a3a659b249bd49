import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { FileStore } from './file-store.js';
import { describeBlobStore } from './store-suite.js';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

for (const fsync of [true, false])
  describeBlobStore(fsync ? 'FileStore' : 'FileStore without flushing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hallmark-store-'));
    folders.push(folder);
    const store = new FileStore(folder, fsync);
    return {
      store,
      reopened: () => new FileStore(folder, fsync),
      truncate: (digest, size) => truncate(store.localPath(digest), size),
      overwrite: (digest, bytes) => writeFile(store.localPath(digest), bytes),
    };
  });
