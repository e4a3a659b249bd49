import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import { Config, CONFIG } from '#platform/config.js';
import { BLOB_STORE } from './blob-store.js';
import { FileStore } from './file-store.js';
import { S3Store } from './s3-store.js';
import { StorageModule } from './storage.module.js';

async function storeFor(environment: Record<string, string>): Promise<unknown> {
  @Global()
  @Module({ providers: [{ provide: CONFIG, useValue: Config.read(environment) }], exports: [CONFIG] })
  class Settings {}
  const app = await Test.createTestingModule({ imports: [Settings, StorageModule] }).compile();
  return app.get<unknown>(BLOB_STORE);
}

describe('the store of an installation', () => {
  it('is a folder when nothing is set', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hallmark-module-'));
    expect(await storeFor({ HALLMARK_DATA_DIR: folder })).toBeInstanceOf(FileStore);
    await rm(folder, { recursive: true });
  });

  it('is a bucket when one is set', async () => {
    expect(await storeFor({ HALLMARK_STORAGE: 's3', S3_BUCKET: 'blobs' })).toBeInstanceOf(S3Store);
  });
});
