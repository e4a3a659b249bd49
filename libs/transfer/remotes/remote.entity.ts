import { Column, Entity, Index } from 'typeorm';
import { ConnectionEntity } from './connection.entity.js';

/** `container` mirrors one upstream repository, `pull-through` stands for a whole upstream registry. */
export type RemoteType = 'container' | 'pull-through';

/** When blobs are fetched: with the sync, at the first pull and kept, or at every pull. */
export type RemotePolicy = 'immediate' | 'on_demand' | 'streamed';

/** An upstream registry, how to reach it and what to take. Secrets never leave through the REST API. */
@Entity('remote')
@Index('remote_created', ['pulpCreated', 'id'])
export class RemoteEntity extends ConnectionEntity {
  @Column({ type: 'text', default: 'container' })
  type: RemoteType;

  @Column({ type: 'text', unique: true, collation: 'C' })
  name: string;

  @Column({ type: 'text' })
  url: string;

  @Column({ name: 'upstream_name', type: 'text', nullable: true })
  upstreamName: string | null;

  @Column({ type: 'text', default: 'immediate' })
  policy: RemotePolicy;

  @Column({ type: 'jsonb', nullable: true })
  includes: string[] | null;

  @Column({ type: 'jsonb', nullable: true })
  excludes: string[] | null;

  /** Base URL of a lookaside with simple signatures. */
  @Column({ type: 'text', nullable: true })
  sigstore: string | null;

  @Column({ name: 'proxy_url', type: 'text', nullable: true })
  proxyUrl: string | null;

  @Column({ name: 'proxy_username', type: 'text', nullable: true })
  proxyUsername: string | null;

  @Column({ name: 'proxy_password', type: 'text', nullable: true })
  proxyPassword: string | null;

  @Column({ type: 'jsonb', nullable: true })
  headers: Record<string, string>[] | null;

  /** Requests per second. */
  @Column({ name: 'rate_limit', type: 'int', nullable: true })
  rateLimit: number | null;

  @Column({ name: 'pulp_labels', type: 'jsonb', default: {} })
  pulpLabels: Record<string, string>;
}
