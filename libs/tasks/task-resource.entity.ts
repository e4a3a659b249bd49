import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A resource that an unfinished task holds or waits for. The rows go when the task ends. */
@Entity('task_resource')
@Index(['resource', 'exclusive', 'position'])
@Index(['resource', 'position'])
export class TaskResource {
  @PrimaryColumn('uuid', { name: 'task_id' })
  taskId: string;

  /** An href or a `pdrn:` name. */
  @PrimaryColumn('text')
  resource: string;

  @Column('boolean')
  exclusive: boolean;

  /** The task's place in the order of dispatch. */
  @Column('bigint')
  position: number;
}
