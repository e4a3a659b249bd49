import type { DynamicModule } from '@nestjs/common';
import { AccessModule } from '#access/access.module.js';
import { BytesModule } from '#content/bytes/bytes.module.js';
import type { HallmarkConfig } from '#platform/config.js';
import { HealthModule } from '#platform/health.module.js';
import { PlatformModule } from '#platform/platform.module.js';
import { PRODUCT_VERSION } from '#platform/product-version.js';
import type { AppType } from '#tasks/app-status.entity.js';
import { TasksModule } from '#tasks/tasks.module.js';
import { entities } from '../migrations/entities.js';

/**
 * What every process of the product stands on, all of it global: settings, database and change feed, health and metrics,
 * blob store, access, tasks. `name` is shown among the database's connections, `appType` in the status.
 */
export function ground(config: HallmarkConfig, name: string, appType: AppType): DynamicModule[] {
  const versions = { core: PRODUCT_VERSION, container: PRODUCT_VERSION };
  return [
    PlatformModule.of(config, entities, name),
    { module: HealthModule, global: true },
    { module: BytesModule, global: true },
    { ...AccessModule.register(), global: true },
    TasksModule.register({ process: { appType, versions } }),
  ];
}

/** Options of a server that believe the proxies of the settings when they say who a request comes from. */
export function behindProxies({ trustedProxies }: HallmarkConfig): { trustProxy?: string[] } {
  return trustedProxies.length > 0 ? { trustProxy: [...trustedProxies] } : {};
}
