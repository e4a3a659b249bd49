import { Column, Entity, Index } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** A blob on its way in. It belongs to one repository and one principal; closed ones stay a while to answer a repeated close. */
@Entity('upload')
@Index('upload_open', ['principal'], { where: 'digest is null' })
export class UploadEntity extends ResourceEntity {
  @Column({ name: 'repository_id', type: 'uuid' })
  repositoryId: string;

  /** Who started it: `user:1`, `robot:…`, `anonymous`. */
  @Column({ type: 'text' })
  principal: string;

  /** Bytes that were here when the last request ended that did not break off. */
  @Column({ type: 'bigint', default: 0 })
  offset: number;

  /** A small first chunk, until more comes or the session is closed; the bytes of all others are in the store. */
  @Column({ type: 'bytea', nullable: true, select: false })
  bytes: Buffer | null;

  /** The hash that the client announced, so that it is made while the bytes come in. */
  @Column({ type: 'text', default: 'sha256' })
  algorithm: string;

  /** The digest it was closed with, empty when it ended without a blob; null while open. */
  @Column({ type: 'text', nullable: true })
  digest: string | null;

  /** The request that writes now, or did last; null when none ever did. */
  @Column({ name: 'lease_id', type: 'uuid', nullable: true })
  leaseId: string | null;

  /** Until when it may without renewing; null when it has ended. */
  @Column({ name: 'lease_until', type: 'timestamptz', nullable: true })
  leaseUntil: Date | null;

  @Column({ name: 'touched_at', type: 'timestamptz', default: () => 'now()' })
  touchedAt: Date;
}
