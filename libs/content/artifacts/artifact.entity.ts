import { Column, Entity, JoinColumn, OneToOne, PrimaryColumn, type Relation } from 'typeorm';
import { BlobEntity } from '../types/blob.entity.js';

/** Further checksums of a blob that came as a file; its row goes with the blob's. */
@Entity('artifact')
export class ArtifactEntity {
  @PrimaryColumn({ name: 'blob_id', type: 'uuid' })
  blobId: string;

  @Column({ type: 'text' })
  sha224: string;

  @Column({ type: 'text' })
  sha384: string;

  @Column({ type: 'text' })
  sha512: string;

  @OneToOne(() => BlobEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'blob_id' })
  blob: Relation<BlobEntity>;
}
