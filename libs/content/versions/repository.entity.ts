import { Column, Entity, Index } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** `container` holds mirrored or curated content, `container-push` what clients push. */
export type RepositoryType = 'container' | 'container-push';

/** A named place whose content changes only by new versions. */
@Entity('repository')
@Index('repository_created', ['pulpCreated', 'id'])
export class RepositoryEntity extends ResourceEntity {
  @Column({ type: 'text' })
  type: RepositoryType;

  @Column({ type: 'text', unique: true, collation: 'C' })
  name: string;

  @Column({ type: 'text', nullable: true })
  description: string | null;

  @Column({ name: 'pulp_labels', type: 'jsonb', default: {} })
  pulpLabels: Record<string, string>;

  @Column({ name: 'retain_repo_versions', type: 'int', nullable: true })
  retainRepoVersions: number | null;

  @Column({ name: 'retain_checkpoints', type: 'int', nullable: true })
  retainCheckpoints: number | null;

  @Column({ name: 'remote_id', type: 'uuid', nullable: true })
  remoteId: string | null;

  @Column({ name: 'signing_service_id', type: 'uuid', nullable: true })
  signingServiceId: string | null;

  /** Number of the newest version. */
  @Column({ type: 'int', default: 0 })
  head: number;

  /** Highest number ever given; numbers are never used again. */
  @Column({ name: 'last_number', type: 'int', default: 0 })
  lastNumber: number;

  /** Grows with every change that a reader could see, staged content included. */
  @Column({ type: 'bigint', default: 0 })
  revision: number;
}
