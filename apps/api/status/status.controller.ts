import { Inject } from '@nestjs/common';
import { statfs } from 'node:fs/promises';
import { DataSource } from 'typeorm';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { rowsOf } from '#platform/database.js';
import type { AppType } from '#tasks/app-status.entity.js';
import { APP_VERSIONS } from '../app-versions.js';
import { timeSql } from '../rest/fields.js';
import { GetRoute } from '../rest/operation.js';
import { RestController } from '../rest/rest-controller.js';
import { STATUS_SCHEMA } from './status.schema.js';

interface AppRow {
  readonly type: AppType;
  readonly name: string;
  readonly last_heartbeat: string;
  readonly versions: Record<string, string>;
}

const MODULES: Readonly<Record<string, readonly [pkg: string, module: string]>> = {
  core: ['pulpcore', 'pulpcore.app'],
  container: ['pulp-container', 'pulp_container.app'],
  hallmark: ['hallmark', 'hallmark'],
};

const VERSIONS = Object.entries(APP_VERSIONS).map(([component, version]) => ({
  component,
  version,
  package: MODULES[component]![0],
  module: MODULES[component]![1],
  domain_compatible: component !== 'hallmark',
}));

/** How the service is; nobody needs to sign in. */
@RestController({ path: 'status', tag: 'Status', operations: 'status', component: 'core' })
export class StatusController {
  constructor(
    private readonly source: DataSource,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  @GetRoute('', {
    action: 'read',
    summary: 'Inspect status of Pulp',
    open: true,
    answers: { 200: { schema: 'StatusResponse', of: STATUS_SCHEMA } },
  })
  async read() {
    const apps = await this.apps();
    const online = (...types: AppType[]) =>
      (apps ?? []).filter(({ type }) => types.includes(type)).map(({ type: _type, ...app }) => app);
    return {
      versions: VERSIONS,
      online_workers: online('worker', 'standalone'),
      online_api_apps: online('api', 'standalone'),
      online_content_apps: online('registry', 'content', 'standalone'),
      database_connection: { connected: apps !== undefined },
      redis_connection: { connected: this.config.redisUrl !== undefined && apps !== undefined },
      storage: await this.storage(),
      content_settings: { content_origin: this.config.publicUrl, content_path_prefix: '/pulp/container/' },
      domain_enabled: false,
    };
  }

  private async apps(): Promise<AppRow[] | undefined> {
    try {
      return await rowsOf<AppRow>(
        this.source,
        `select app_type as type, name, ${timeSql('last_heartbeat')} as last_heartbeat, versions
           from app_status where last_heartbeat > now() - interval '1 minute' order by name`,
      );
    } catch {
      // The answer is about just that.
      return undefined;
    }
  }

  private async storage() {
    if (this.config.storage !== 'file') return null;
    const stats = await statfs(this.config.dataDir).catch(() => undefined);
    if (!stats) return null;
    const total = stats.blocks * stats.bsize;
    const free = stats.bavail * stats.bsize;
    return { total, used: total - stats.bfree * stats.bsize, free };
  }
}

/** Says that the process lives, and nothing more. */
@RestController({ path: 'livez', tag: 'Livez', operations: 'livez', component: 'core' })
export class LivezController {
  @GetRoute('', {
    action: 'read',
    summary: 'Inspect liveness of Pulp’s REST API',
    open: true,
    answers: { 200: 'empty' },
  })
  read(): void {}
}
