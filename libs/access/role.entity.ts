import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A named set of permissions; locked roles are the product's own and never change by request. */
@Entity('role')
export class Role {
  @PrimaryColumn({ type: 'uuid' })
  id: string;

  @Column({ type: 'varchar', length: 128, unique: true })
  name: string;

  @Column({ type: 'text', nullable: true })
  description: string | null;

  /** `app.codename`, sorted. */
  @Column({ type: 'text', array: true, default: () => `'{}'` })
  permissions: string[];

  @Column({ type: 'boolean', default: false })
  locked: boolean;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' })
  updatedAt: Date;
}
