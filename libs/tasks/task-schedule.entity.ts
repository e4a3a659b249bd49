import { Column, Entity } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** A periodic job and the lease of the one process that runs it now. */
@Entity('task_schedule')
export class TaskSchedule extends ResourceEntity {
  @Column('text', { unique: true })
  name: string;

  @Column('text', { name: 'task_name' })
  taskName: string;

  /** Seconds from one start to the next. */
  @Column('double precision', { name: 'dispatch_interval' })
  dispatchInterval: number;

  @Column('timestamptz', { name: 'next_dispatch' })
  nextDispatch: Date;

  @Column('uuid', { name: 'last_task_id', nullable: true })
  lastTaskId: string | null;

  @Column('text', { name: 'leased_by', nullable: true })
  leasedBy: string | null;

  @Column('timestamptz', { name: 'leased_until', nullable: true })
  leasedUntil: Date | null;
}
