import { Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { BLOB_STORE } from '#storage/blob-store.js';
import { blobStoreOf } from '#storage/blob-store-of.js';
import { BlobBytes } from './blob-bytes.js';

/** Gives {@link BLOB_STORE}, all bytes of an installation; settings and database are global. */
@Module({
  providers: [
    {
      provide: BLOB_STORE,
      useFactory: async (config: HallmarkConfig, source: DataSource) =>
        new BlobBytes(await blobStoreOf(config), source),
      inject: [CONFIG, DataSource],
    },
  ],
  exports: [BLOB_STORE],
})
export class BytesModule {}
