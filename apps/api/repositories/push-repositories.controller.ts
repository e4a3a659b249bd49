import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LABELS } from '../rest/standard/labels.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';
import { updating } from '../rest/standard/writing.js';
import { PUSHED } from './actions/pushed.js';
import { TAGGING } from './actions/tagging.js';
import { PushRepositoryBody, repositoryColumns } from './dto/repository.body.js';
import { PUSH_REPOSITORIES } from './repositories.resource.js';
import { PUSH_REPOSITORY_WRITER } from './repository.writer.js';

const WRITING = {
  writer: PUSH_REPOSITORY_WRITER,
  body: PushRepositoryBody,
  unique: ['name'],
  columns: repositoryColumns,
};

/** Repositories that clients push into. */
@ResourceController(PUSH_REPOSITORIES, LIST, READ, updating(WRITING), LABELS, ROLES, TAGGING, PUSHED)
export class PushRepositoriesController extends RestHost {}
