import { Column, Entity, Index } from 'typeorm';
import type { UnitKind } from './version.entity.js';

/** Pushed into a repository but not in a version yet: readable by digest, protected from the collector. */
@Entity('staged')
@Index('staged_manifests', ['since'], { where: "kind = 'manifest'" })
export class StagedEntity {
  @Column({ name: 'repository_id', type: 'uuid', primary: true })
  repositoryId: string;

  @Index('staged_unit')
  @Column({ name: 'unit_id', type: 'uuid', primary: true })
  unitId: string;

  @Column({ type: 'text' })
  kind: UnitKind;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  since: Date;
}
