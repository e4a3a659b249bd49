import { Column, Entity, Unique } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** Kinds of content units. */
export type UnitKind = 'blob' | 'manifest' | 'tag' | 'signature';

/** How many units of each kind; kinds with none are absent. */
export type UnitCounts = Partial<Record<UnitKind, number>>;

/** An immutable set of content, numbered within its repository. Its counts are stored, never counted. */
@Entity('repository_version')
@Unique('repository_version_number', ['repositoryId', 'number'])
export class RepositoryVersionEntity extends ResourceEntity {
  @Column({ name: 'repository_id', type: 'uuid' })
  repositoryId: string;

  @Column({ type: 'int' })
  number: number;

  /** Set when the version was made from an older one on purpose. */
  @Column({ name: 'base_version_id', type: 'uuid', nullable: true })
  baseVersionId: string | null;

  @Column({ name: 'task_id', type: 'uuid', nullable: true })
  taskId: string | null;

  @Column({ type: 'jsonb', default: {} })
  added: UnitCounts;

  @Column({ type: 'jsonb', default: {} })
  removed: UnitCounts;

  @Column({ type: 'jsonb', default: {} })
  present: UnitCounts;
}
