import { Column, Entity, ForeignKey, Index } from 'typeorm';
import { BlobEntity } from '#content/types/blob.entity.js';
import { RemoteEntity } from '../remotes/remote.entity.js';

/** Where a blob that is not stored yet can be fetched: by which remote, at which URL. Goes with the blob or the remote. */
@Entity('remote_blob')
export class RemoteBlobEntity {
  @ForeignKey(() => BlobEntity, { onDelete: 'CASCADE' })
  @Column({ name: 'blob_id', type: 'uuid', primary: true })
  blobId: string;

  @Index('remote_blob_remote')
  @ForeignKey(() => RemoteEntity, { onDelete: 'CASCADE' })
  @Column({ name: 'remote_id', type: 'uuid', primary: true })
  remoteId: string;

  /** Upstream repository name at the time of the sync. */
  @Column({ name: 'upstream_name', type: 'text' })
  upstreamName: string;
}
