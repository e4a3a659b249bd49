import { Column, Entity } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** How a guard decides who may download. */
export type ContentGuardType = 'content_redirect' | 'rbac' | 'header' | 'composite';

/** Decides who may download what distributions serve. */
@Entity('content_guard')
export class ContentGuardEntity extends ResourceEntity {
  @Column({ type: 'text' })
  type: ContentGuardType;

  @Column({ type: 'text', unique: true })
  name: string;

  @Column({ type: 'text', nullable: true })
  description: string | null;

  /** Of `content_redirect`: 32 random bytes that its URLs are made with. */
  @Column({ type: 'bytea', nullable: true, select: false })
  secret: Buffer | null;

  /** Of `header`. */
  @Column({ name: 'header_name', type: 'text', nullable: true })
  headerName: string | null;

  /** Of `header`. */
  @Column({ name: 'header_value', type: 'text', nullable: true })
  headerValue: string | null;

  /** Of `header`: picks the value out of a header that is base64 of JSON. */
  @Column({ name: 'jq_filter', type: 'text', nullable: true })
  jqFilter: string | null;

  /** Of `composite`: ids of the guards of which one must let the request pass. */
  @Column({ type: 'jsonb', default: [] })
  guards: string[];
}
