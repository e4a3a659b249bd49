import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import type { RemoteEntity } from '../remotes/remote.entity.js';
import { RemoteRegistry } from './remote-registry.js';
import { upstreamOf } from './upstream.js';

const MOST = 200;
/** Milliseconds that somebody who pulls is kept waiting for an upstream that limits requests. */
const PATIENCE = 5000;

/** Upstreams that pulls go to: connections and tokens are kept, for each remote its own, until the remote changes. */
@Injectable()
export class RemoteRegistries implements OnApplicationShutdown {
  private readonly open = new LRUCache<string, RemoteRegistry>({
    max: MOST,
    dispose: (registry) => void registry.close(true).catch(() => undefined),
  });

  constructor(@Inject(CONFIG) private readonly config: HallmarkConfig) {}

  /** The upstream repository of a remote; `name` when it is not the remote's own. */
  of(remote: RemoteEntity, name = remote.upstreamName ?? ''): RemoteRegistry {
    const key = `${remote.id} ${remote.pulpLastUpdated.getTime()} ${name}`;
    const known = this.open.get(key);
    if (known) return known;
    const registry = new RemoteRegistry({ ...upstreamOf(remote, this.config, name), patience: PATIENCE });
    this.open.set(key, registry);
    return registry;
  }

  onApplicationShutdown(): void {
    this.open.clear();
  }
}
