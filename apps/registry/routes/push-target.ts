import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';

import { DataSource } from 'typeorm';
import { ACCESS_TOPIC } from '#access/access-changes.js';
import { runCreationHooks } from '#access/creation-hooks.js';
import { ownerRoleOf } from '#access/locked-roles.js';
import { objectKey } from '#access/permission-names.js';
import { type CreationHook, ensurePushTarget } from '#content/distributions/ensure-push-target.js';
import type { ServedPath } from '#content/distributions/find-distribution.js';
import { ChangeFeed } from '#platform/change-feed.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { DomainError } from '#platform/domain-error.js';
import type { Visit } from '../access/gate.js';

const HEARING_MS = 1_000;

/** Finds the repository that a push goes to, and makes it for the first push into a name. */
@Injectable()
export class PushTargets {
  constructor(
    private readonly source: DataSource,
    private readonly feed: ChangeFeed,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  /** Id of the repository behind the visited name. */
  async repositoryFor(visit: Visit): Promise<string> {
    const { served } = visit;
    if (served?.repositoryId && served.pinned === null) return served.repositoryId;
    const type = this.config.pushRepositoryType;
    const heard = hearing(this.feed);
    try {
      let given = false;
      const roles = this.rolesOn(visit, () => (given = true));
      const target = await ensurePushTarget(this.source, visit.name, type, roles);
      if (given) await heard.rights();
      return target.repositoryId;
    } finally {
      heard.stop();
    }
  }

  /** Id of the repository whose content is served and may change; a path with a fixed version may not. */
  existing(served: ServedPath): string {
    if (served.pinned !== null || served.repositoryId === null)
      throw new DomainError('unsupported', 'UNSUPPORTED', 'Repository is read-only: this path serves a fixed version.');
    return served.repositoryId;
  }

  /** The pusher owns what his push made, or whoever the edited policies of its kinds say. */
  private rolesOn({ principal }: Visit, given: () => void): CreationHook {
    const type = this.config.pushRepositoryType;
    return async (tx, { created, namespaceId, repositoryId, distributionId }) => {
      const made = {
        namespace: ['container.containernamespace', 'pulp_container/namespaces', namespaceId],
        repository: [`container.${type.replace('-', '')}repository`, `repositories/container/${type}`, repositoryId],
        distribution: ['container.containerdistribution', 'distributions/container/container', distributionId],
      } as const;
      for (const kind of created) {
        const [model, viewsetName, id] = made[kind];
        const about = { objectKey: objectKey(model, id), viewsetName, ownerRole: ownerRoleOf(model) };
        if (await runCreationHooks(tx, about, principal)) given();
      }
    };
  }
}

/** Waits until this process has heard of new rights, so that the pusher's next request has them. */
function hearing(feed: ChangeFeed): { rights(): Promise<void>; stop(): void } {
  let stop = () => {};
  const promise = new Promise<void>((resolve) => {
    stop = feed.onChange(({ topic }) => {
      if (topic === ACCESS_TOPIC) resolve();
    });
  });
  return {
    stop: () => stop(),
    async rights() {
      if (feed.connected) await Promise.race([promise, delay(HEARING_MS, undefined, { ref: false })]);
    },
  };
}
