import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** A file that comes in pieces, in any order, before it becomes an artifact. */
@Entity('chunked_upload')
export class ChunkedUploadEntity extends ResourceEntity {
  /** Bytes of the whole file. */
  @Column({ type: 'bigint' })
  size: number;

  @Column({ type: 'timestamptz', nullable: true })
  completed: Date | null;
}

/** One piece. Its bytes are a staged blob under the upload's id, so the collector leaves them alone while that is there. */
@Entity('upload_chunk')
export class UploadChunkEntity {
  @PrimaryColumn({ name: 'upload_id', type: 'uuid' })
  uploadId: string;

  @PrimaryColumn({ name: 'first_byte', type: 'bigint' })
  firstByte: number;

  @Column({ type: 'bigint' })
  size: number;

  @Column({ type: 'text' })
  digest: string;

  @ManyToOne(() => ChunkedUploadEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'upload_id' })
  upload: Relation<ChunkedUploadEntity>;
}
