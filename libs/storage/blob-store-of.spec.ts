import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Config } from '#platform/config.js';
import { blobStoreOf } from './blob-store-of.js';
import { FileStore } from './file-store.js';
import { S3Store } from './s3-store.js';

const storeFor = (environment: Record<string, string>) => blobStoreOf(Config.read(environment));

describe('the store of an installation', () => {
  it('is a folder when nothing is set', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hallmark-store-'));
    expect(await storeFor({ HALLMARK_DATA_DIR: folder })).toBeInstanceOf(FileStore);
    await rm(folder, { recursive: true });
  });

  it('is a bucket when one is set', async () => {
    expect(await storeFor({ HALLMARK_STORAGE: 's3', S3_BUCKET: 'blobs' })).toBeInstanceOf(S3Store);
  });
});
