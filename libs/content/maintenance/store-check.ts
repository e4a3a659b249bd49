import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { digestOf } from '#oci/digest.js';
import { Health } from '#platform/health.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';

/** Shows whether the blob store answers. Manifests are served without it, so it makes no process unavailable. */
@Injectable()
export class StoreCheck implements OnModuleInit {
  constructor(
    private readonly health: Health,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
  ) {}

  onModuleInit(): void {
    const nothing = digestOf(new Uint8Array());
    this.health.add('storage', () => this.store.size(nothing), false);
  }
}
