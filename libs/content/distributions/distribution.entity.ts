import { Column, Entity, ForeignKey, Index } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';
import { ContentGuardEntity } from '../guards/content-guard.entity.js';

/** `container` serves one repository, `pull-through` makes distributions of what is asked for below its path. */
export type DistributionType = 'container' | 'pull-through';

/** Publishes the newest version of a repository, or one fixed version, at a path. */
@Entity('distribution')
@Index('distribution_created', ['pulpCreated', 'id'])
export class DistributionEntity extends ResourceEntity {
  @Column({ type: 'text', default: 'container' })
  type: DistributionType;

  @Column({ type: 'text', unique: true, collation: 'C' })
  name: string;

  @Column({ name: 'base_path', type: 'text', unique: true, collation: 'C' })
  basePath: string;

  @Index('distribution_namespace')
  @Column({ name: 'namespace_id', type: 'uuid', nullable: true })
  namespaceId: string | null;

  @Index('distribution_repository')
  @Column({ name: 'repository_id', type: 'uuid', nullable: true })
  repositoryId: string | null;

  @Index('distribution_version')
  @Column({ name: 'repository_version_id', type: 'uuid', nullable: true })
  repositoryVersionId: string | null;

  /** Null: the default guard. */
  @ForeignKey(() => ContentGuardEntity)
  @Column({ name: 'content_guard_id', type: 'uuid', nullable: true })
  contentGuardId: string | null;

  @Column({ type: 'boolean', default: false })
  private: boolean;

  @Column({ type: 'boolean', default: false })
  hidden: boolean;

  @Column({ type: 'text', nullable: true })
  description: string | null;

  /** Pull-through: the upstream. Children of a pull-through distribution: their own remote. */
  @Column({ name: 'remote_id', type: 'uuid', nullable: true })
  remoteId: string | null;

  /** The pull-through distribution that made this one. */
  @Index('distribution_parent')
  @Column({ name: 'parent_id', type: 'uuid', nullable: true })
  parentId: string | null;

  /** A trust policy that content must pass before it is served; null: everything is served. */
  @Column({ name: 'trust_policy_id', type: 'uuid', nullable: true })
  trustPolicyId: string | null;

  @Column({ name: 'pulp_labels', type: 'jsonb', default: {} })
  pulpLabels: Record<string, string>;
}
