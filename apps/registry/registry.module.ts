import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { RenderedFallbacks } from '#content/read/rendered-fallbacks.js';
import { TrustGate } from '#signing/gate/trust-gate.js';
import { PullThrough } from '#transfer/pull-through/pull-through.js';
import { RemoteRegistries } from '#transfer/remote-registry/remote-registries.js';
import { BlobFetcher } from '#transfer/sync/blob-fetcher.js';
import { Gate } from './access/gate.js';
import { FastPath } from './fast-path/fast-path.js';
import { Places } from './fast-path/places.js';
import { BaseController } from './routes/base.controller.js';
import { BlobsController } from './routes/blobs.controller.js';
import { CatalogController } from './routes/catalog.controller.js';
import { LookasideController } from './routes/lookaside.controller.js';
import { ManifestsController } from './routes/manifests.controller.js';
import { PrototypeController } from './routes/prototype.controller.js';
import { PushTargets } from './routes/push-target.js';
import { ReferrersController } from './routes/referrers.controller.js';
import { SignaturesController } from './routes/signatures.controller.js';
import { TagsController } from './routes/tags.controller.js';
import { TokenController } from './routes/token.controller.js';
import { Upstream } from './routes/upstream.js';
import { UploadsController } from './routes/uploads.controller.js';

/**
 * What container clients talk to. `imports` are the modules that give the DataSource, the settings, the blob store, and
 * what the access lib exports.
 */
@Module({})
export class RegistryModule {
  static register(imports: NonNullable<ModuleMetadata['imports']>): DynamicModule {
    return {
      module: RegistryModule,
      imports,
      controllers: [
        BaseController,
        CatalogController,
        PrototypeController,
        TagsController,
        ManifestsController,
        BlobsController,
        UploadsController,
        ReferrersController,
        SignaturesController,
        LookasideController,
        TokenController,
      ],
      providers: [
        Places,
        Gate,
        PushTargets,
        FastPath,
        TrustGate,
        RemoteRegistries,
        BlobFetcher,
        PullThrough,
        Upstream,
        RenderedFallbacks,
      ],
      exports: [Gate],
    };
  }
}
