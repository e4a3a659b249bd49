import { Column, Entity, Index } from 'typeorm';
import type { Platform } from '#oci/descriptor.js';
import { ResourceEntity } from '#platform/base.entity.js';

/** An image manifest, index or artifact manifest with its exact bytes. */
@Entity('manifest')
@Index('manifest_created', ['pulpCreated', 'id'])
export class ManifestEntity extends ResourceEntity {
  @Column({ type: 'text', unique: true, collation: 'C' })
  digest: string;

  @Column({ name: 'media_type', type: 'text' })
  mediaType: string;

  @Column({ name: 'schema_version', type: 'int', default: 2 })
  schemaVersion: number;

  /** What the referrers API shows: the member, or for images the config's media type. */
  @Column({ name: 'artifact_type', type: 'text', nullable: true })
  artifactType: string | null;

  /** Pulp's classification: image, index, artifact, helm, cosign_signature … */
  @Column({ type: 'text' })
  type: string;

  @Column({ name: 'config_blob_id', type: 'uuid', nullable: true })
  configBlobId: string | null;

  @Column({ name: 'config_media_type', type: 'text', nullable: true })
  configMediaType: string | null;

  @Index('manifest_subject', { where: 'subject_digest is not null' })
  @Column({ name: 'subject_digest', type: 'text', nullable: true, collation: 'C' })
  subjectDigest: string | null;

  @Column({ type: 'jsonb', default: {} })
  annotations: Record<string, string>;

  @Column({ type: 'jsonb', default: {} })
  labels: Record<string, string>;

  @Column({ type: 'text', nullable: true })
  architecture: string | null;

  @Column({ type: 'text', nullable: true })
  os: string | null;

  /** Sum of the layers' sizes in bytes; null for indexes. */
  @Column({ name: 'compressed_image_size', type: 'bigint', nullable: true })
  compressedImageSize: number | null;

  @Column({ type: 'int' })
  size: number;

  @Column({ type: 'bytea', select: false })
  bytes: Buffer;

  @Index('manifest_touched')
  @Column({ name: 'touched_at', type: 'timestamptz', default: () => 'now()' })
  touchedAt: Date;

  @Column({ name: 'pulp_labels', type: 'jsonb', default: {} })
  pulpLabels: Record<string, string>;
}

/** An index names a manifest. */
@Entity('manifest_child')
export class ManifestChildEntity {
  @Column({ name: 'manifest_id', type: 'uuid', primary: true })
  manifestId: string;

  @Column({ type: 'int', primary: true })
  position: number;

  @Index('manifest_child_child')
  @Column({ name: 'child_id', type: 'uuid' })
  childId: string;

  @Column({ type: 'jsonb', nullable: true })
  platform: Platform | null;
}

/** A manifest names a blob, as config (position -1) or layer. */
@Entity('manifest_blob')
@Index('manifest_blob_blob', ['blobId', 'manifestId'])
export class ManifestBlobEntity {
  @Column({ name: 'manifest_id', type: 'uuid', primary: true })
  manifestId: string;

  @Column({ type: 'int', primary: true })
  position: number;

  @Column({ name: 'blob_id', type: 'uuid' })
  blobId: string;
}
