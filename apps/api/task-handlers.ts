import { CommitUpload } from './artifacts/commit-upload.js';
import './distributions/distributions.controller.js';
import { DataRepair } from './maintenance/data-repair-task.js';
import { OrphanCleanup } from './maintenance/orphan-tasks.js';
import { ReclaimSpace } from './maintenance/reclaim-task.js';
import { RepairAll, RepairVersion } from './maintenance/repair-tasks.js';
import { FilesystemExportTask, PulpExportTask } from './exchange/export-tasks.js';
import { PulpImportTask } from './exchange/import-task.js';
import { ReplicateTask } from './exchange/replicate-task.js';
import './exchange/exporters.controllers.js';
import './namespaces/namespaces.controller.js';
import './remotes/remotes.controller.js';
import './repositories/repository.writer.js';
import { AddContent, ModifyContent, RemoveContent } from './repositories/actions/content-tasks.js';
import { MigrateRepository } from './repositories/actions/migrate-task.js';
import { TagTask, UntagTask } from './repositories/actions/tag-tasks.js';
import { DeleteVersion } from './repositories/version-tasks.js';
import { GeneralCreate, GeneralDelete, GeneralUpdate } from './rest/writing/general-tasks.js';
import { PurgeTasks } from './tasks/task-actions.js';

/**
 * Tasks that the REST API starts, and runs itself when it can; workers must know them too. The files imported only for their
 * effect say how each kind of resource is written.
 */
export const API_TASK_HANDLERS = [
  GeneralCreate,
  GeneralUpdate,
  GeneralDelete,
  TagTask,
  UntagTask,
  AddContent,
  RemoveContent,
  ModifyContent,
  MigrateRepository,
  DeleteVersion,
  PurgeTasks,
  CommitUpload,
  PulpExportTask,
  FilesystemExportTask,
  PulpImportTask,
  ReplicateTask,
  OrphanCleanup,
  RepairAll,
  RepairVersion,
  DataRepair,
  ReclaimSpace,
] as const;
