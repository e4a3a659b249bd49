import { Column, Entity, Index } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** What a process does. */
export type AppType = 'api' | 'registry' | 'content' | 'worker' | 'standalone';

/** A process and when it last said that it lives. */
@Entity('app_status')
export class AppStatus extends ResourceEntity {
  /** `pid@host.random`: never used again by another process. */
  @Column('text', { unique: true })
  name: string;

  @Column('text', { name: 'app_type' })
  appType: AppType;

  @Column('jsonb', { default: {} })
  versions: Record<string, string>;

  @Column('timestamptz', { name: 'last_heartbeat' })
  @Index()
  lastHeartbeat: Date;

  @Column('uuid', { name: 'current_task', nullable: true })
  currentTask: string | null;

  @Column('text')
  hostname: string;

  @Column('int')
  pid: number;
}
