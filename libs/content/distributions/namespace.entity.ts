import { Column, Entity } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** The first component of distribution paths; rights can be given on it. */
@Entity('namespace')
export class NamespaceEntity extends ResourceEntity {
  @Column({ type: 'text', unique: true, collation: 'C' })
  name: string;

  @Column({ name: 'pulp_labels', type: 'jsonb', default: {} })
  pulpLabels: Record<string, string>;
}
