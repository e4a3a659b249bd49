import { Column, Entity } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** How a guard decides who may download. */
export type ContentGuardType = 'content_redirect' | 'rbac' | 'header' | 'composite';

/** The guard of distributions that name none; migrations make it, and it stays. */
export const DEFAULT_GUARD_ID = '01900000-0000-7000-8000-000000000001';

/** Decides who may download what distributions serve, beside the right to pull. */
@Entity('content_guard')
export class ContentGuardEntity extends ResourceEntity {
  @Column({ type: 'text' })
  type: ContentGuardType;

  @Column({ type: 'text', unique: true })
  name: string;

  @Column({ type: 'text', nullable: true })
  description: string | null;

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
