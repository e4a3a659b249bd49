import { Column, Entity, Index, Unique } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** A name for a manifest: a content unit, so moving a tag takes one unit out of a version and puts another in. */
@Entity('tag')
@Unique('tag_name_manifest', ['name', 'manifestId'])
@Index('tag_created', ['pulpCreated', 'id'])
// Made by a migration where the database has trigrams: names that contain something are found without reading all.
@Index('tag_name_trigrams', { synchronize: false })
export class TagEntity extends ResourceEntity {
  @Column({ type: 'text', collation: 'C' })
  name: string;

  @Index('tag_manifest')
  @Column({ name: 'manifest_id', type: 'uuid' })
  manifestId: string;

  @Column({ name: 'pulp_labels', type: 'jsonb', default: {} })
  pulpLabels: Record<string, string>;
}
