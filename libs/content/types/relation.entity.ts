import { Column, Entity, Index } from 'typeorm';

/** How it is known that a manifest refers to a subject. */
export type RelationSource = 'subject' | 'prototype' | 'oras' | 'cosign-tag';

/** A manifest refers to a subject, which may not be here. Stored once, shown by every view of referrers. */
@Entity('relation')
export class RelationEntity {
  @Column({ name: 'subject_digest', type: 'text', primary: true, collation: 'C' })
  subjectDigest: string;

  @Index('relation_referrer')
  @Column({ name: 'referrer_id', type: 'uuid', primary: true })
  referrerId: string;

  @Column({ type: 'text' })
  source: RelationSource;

  @Column({ name: 'artifact_type', type: 'text', nullable: true })
  artifactType: string | null;
}
