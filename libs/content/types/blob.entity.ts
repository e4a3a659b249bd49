import { Column, Entity, Index } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** Bytes by digest. The row says that they are whole; `stored` is false while only an upstream has them. */
@Entity('blob')
@Index('blob_created', ['pulpCreated', 'id'])
export class BlobEntity extends ResourceEntity {
  @Column({ type: 'text', unique: true, collation: 'C' })
  digest: string;

  @Column({ type: 'bigint' })
  size: number;

  @Column({ type: 'boolean', default: true })
  stored: boolean;

  /** Last time a pusher relied on it; the collector waits its grace time from here. */
  @Index('blob_touched')
  @Column({ name: 'touched_at', type: 'timestamptz', default: () => 'now()' })
  touchedAt: Date;

  /** The bytes of a small blob that was pushed in one piece; those of all others are in the store. */
  @Column({ type: 'bytea', nullable: true, select: false })
  bytes: Buffer | null;

  @Column({ name: 'pulp_labels', type: 'jsonb', default: {} })
  pulpLabels: Record<string, string>;
}
