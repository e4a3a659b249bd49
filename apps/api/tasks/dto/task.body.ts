import { TextField, TextListField, TimeField } from '../../rest/body/fields.js';
import { FINAL_STATES } from '#tasks/task.entity.js';

/** What cancels a task or a group. */
export class TaskCancelBody {
  @TextField({ description: "The desired state of the task. Only 'canceled' is accepted." })
  state: string;
}

/** Which tasks to purge. */
export class PurgeBody {
  @TimeField({
    optional: true,
    description: 'Purge tasks completed earlier than this timestamp. Default: 30 days ago.',
  })
  finished_before?: string;

  @TextListField({
    choices: FINAL_STATES,
    fallback: ['completed'],
    description: "List of task-states to be purged. Only 'final' states are allowed.",
  })
  states: string[];
}
