import { Module } from '@nestjs/common';
import { RemoteRegistries } from './remote-registry/remote-registries.js';
import { BlobFetcher } from './sync/blob-fetcher.js';
import { PullThrough } from './pull-through/pull-through.js';

/** Gives what the registry needs of upstreams. `DataSource`, the settings and the blob store are global. */
@Module({
  providers: [RemoteRegistries, BlobFetcher, PullThrough],
  exports: [RemoteRegistries, BlobFetcher, PullThrough],
})
export class TransferModule {}
