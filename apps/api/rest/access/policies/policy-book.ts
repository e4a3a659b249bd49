import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { PolicyFunction, PolicyStatement } from '#access/access-policy.entity.js';
import { announce, ChangeFeed } from '#platform/change-feed.js';
import { rowsOf } from '#platform/database.js';
import type { Resource } from '../../resource.js';
import { policyName } from './statements.js';

/** A policy that somebody edited: it stands in for the rules of its resource. */
export interface EditedPolicy {
  readonly viewset_name: string;
  readonly statements: readonly PolicyStatement[];
  readonly queryset_scoping: PolicyFunction | null;
}

const TOPIC = 'access_policy';
/** The longest that an edit may go unnoticed even if it was never announced. */
const MOST_STALE_MS = 60_000;

/** Tells all processes that policies changed. */
export const announcePolicies = (tx: EntityManager): Promise<void> => announce(tx, TOPIC, '*');

/** Knows the edited policies; they are few, so all are read at once and kept until one changes anywhere. */
@Injectable()
export class PolicyBook implements OnApplicationShutdown {
  private known: { readonly policies: Promise<ReadonlyMap<string, EditedPolicy>>; readonly until: number } | undefined;
  private readonly stops: readonly (() => void)[];

  constructor(
    private readonly source: DataSource,
    private readonly feed: ChangeFeed,
  ) {
    this.stops = [
      feed.onChange(({ topic }) => {
        if (topic === TOPIC) this.forget();
      }),
      feed.onReset(() => this.forget()),
    ];
  }

  /** Lets the next question read anew. */
  forget(): void {
    this.known = undefined;
  }

  /** The edited policy of a resource; undefined while its own rules hold. */
  async editedOf(resource: Pick<Resource, 'path'>): Promise<EditedPolicy | undefined> {
    return (await this.policies()).get(policyName(resource));
  }

  onApplicationShutdown(): void {
    for (const stop of this.stops) stop();
  }

  private policies(): Promise<ReadonlyMap<string, EditedPolicy>> {
    if (this.known && this.feed.connected && this.known.until > Date.now()) return this.known.policies;
    const policies = this.read();
    this.known = { policies, until: Date.now() + MOST_STALE_MS };
    policies.catch(() => this.forget());
    return policies;
  }

  private async read(): Promise<ReadonlyMap<string, EditedPolicy>> {
    const rows = await rowsOf<EditedPolicy>(
      this.source,
      'select viewset_name, statements, queryset_scoping from access_policy where customized',
    );
    return new Map(rows.map((row) => [row.viewset_name, row]));
  }
}
