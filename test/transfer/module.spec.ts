import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONFIG } from '#platform/config.js';
import { BLOB_STORE } from '#storage/blob-store.js';
import { PullThrough } from '#transfer/pull-through/pull-through.js';
import { BlobFetcher } from '#transfer/sync/blob-fetcher.js';
import { SyncHandler } from '#transfer/sync/sync.handler.js';
import { TransferModule } from '#transfer/transfer.module.js';
import { type SyncBench, startBench } from './syncing.js';

let bench: SyncBench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

test('an app that has a database, a store and settings gets pull-through, blobs on demand and the sync task', async () => {
  @Global()
  @Module({
    providers: [
      { provide: DataSource, useValue: bench.source },
      { provide: BLOB_STORE, useValue: bench.store },
      { provide: CONFIG, useValue: bench.config },
    ],
    exports: [DataSource, BLOB_STORE, CONFIG],
  })
  class Ground {}
  const app = await Test.createTestingModule({ imports: [Ground, TransferModule], providers: [SyncHandler] }).compile();
  expect(await app.get(PullThrough).resolve('no/such')).toBeUndefined();
  expect(app.get(BlobFetcher)).toBeInstanceOf(BlobFetcher);
  expect(app.get(SyncHandler).task.name).toBe('pulp_container.app.tasks.synchronize.synchronize');
});
