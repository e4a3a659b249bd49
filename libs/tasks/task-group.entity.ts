import { Column, Entity } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** Tasks that belong together; their states are counted from the rows. */
@Entity('task_group')
export class TaskGroup extends ResourceEntity {
  @Column('text', { default: '' })
  description: string;

  @Column('boolean', { name: 'all_tasks_dispatched', default: false })
  allTasksDispatched: boolean;
}
