import type { EntityManager } from 'typeorm';
import { announce, type ChangeFeed } from '#platform/change-feed.js';

/** The topic of everything that changes who may do what. */
export const ACCESS_TOPIC = 'access';

/** What a cache of this lib depends on: `identity` is who somebody is, `grants` what he may do, `keys` token keys. */
export type AccessAspect = 'identity' | 'grants' | 'keys';

/** Announces that an account (or, for `*`, any) changed in a way that sign-ins and tokens must notice. */
export async function announceIdentity(tx: Pick<EntityManager, 'query'>, user: number | '*'): Promise<void> {
  await announce(tx, ACCESS_TOPIC, `identity:${user}`);
}

/** Announces that somebody's rights changed; sign-ins stay as they are. */
export async function announceGrants(tx: Pick<EntityManager, 'query'>, user: number | '*'): Promise<void> {
  await announce(tx, ACCESS_TOPIC, `grants:${user}`);
}

/** Announces that there is another key for registry tokens. */
export async function announceTokenKeys(tx: Pick<EntityManager, 'query'>): Promise<void> {
  await announce(tx, ACCESS_TOPIC, 'keys:*');
}

/** Hears changes of access in all processes, and says whether caches may be relied on. */
export class AccessChanges {
  private readonly epochs: Record<AccessAspect, number> = { identity: 0, grants: 0, keys: 0 };
  private readonly listeners = new Set<(aspect: AccessAspect, user: string) => void>();
  private readonly stops: (() => void)[];

  constructor(private readonly feed: ChangeFeed) {
    this.stops = [
      feed.onChange(({ topic, key }) => {
        if (topic === ACCESS_TOPIC) this.heard(key);
      }),
      feed.onReset(() => this.doubtAll()),
    ];
  }

  /** False while changes may be missed: then every answer has to come from the database. */
  get reliable(): boolean {
    return this.feed.connected;
  }

  /** Rises with each change that matters to the aspect; what was read under an older epoch must not be cached. */
  epoch(aspect: AccessAspect): number {
    return this.epochs[aspect];
  }

  /** Calls back for each change; `user` is an account's id or `*`. */
  onChange(listener: (aspect: AccessAspect, user: string) => void): void {
    this.listeners.add(listener);
  }

  /** Anything may have changed: what is cached is read again. */
  doubtAll(): void {
    this.identity('*');
    this.publish('keys', '*');
  }

  /** Stops listening. */
  stop(): void {
    for (const stop of this.stops) stop();
  }

  private heard(key: string): void {
    const [aspect, user = '*'] = key.split(':');
    if (aspect === 'grants') this.publish(aspect, user);
    else if (aspect === 'identity') this.identity(user);
    else this.doubtAll();
  }

  private identity(user: string): void {
    this.publish('identity', user);
    this.publish('grants', user);
  }

  private publish(aspect: AccessAspect, user: string): void {
    this.epochs[aspect] += 1;
    for (const listener of this.listeners) listener(aspect, user);
  }
}
