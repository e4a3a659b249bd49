import { Column, Entity } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** A named set of permissions; locked roles are the product's own and never change by request. */
@Entity('role')
export class Role extends ResourceEntity {
  @Column({ type: 'varchar', length: 128, unique: true })
  name: string;

  @Column({ type: 'text', nullable: true })
  description: string | null;

  /** `app.codename`, sorted. */
  @Column({ type: 'text', array: true, default: () => `'{}'` })
  permissions: string[];

  @Column({ type: 'boolean', default: false })
  locked: boolean;
}
