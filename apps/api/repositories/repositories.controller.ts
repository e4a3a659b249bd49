import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LABELS } from '../rest/standard/labels.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';
import { creating, deleting, updating } from '../rest/standard/writing.js';
import { CURATING } from './actions/curating.js';
import { TAGGING } from './actions/tagging.js';
import { repositoryColumns, RepositoryBody } from './dto/repository.body.js';
import { REPOSITORIES } from './repositories.resource.js';
import { REPOSITORY_WRITER } from './repository.writer.js';

const WRITING = {
  writer: REPOSITORY_WRITER,
  body: RepositoryBody,
  unique: ['name'],
  columns: repositoryColumns,
};

/** Repositories whose content is mirrored or curated. */
@ResourceController(
  REPOSITORIES,
  LIST,
  READ,
  creating(WRITING),
  updating(WRITING),
  deleting(),
  LABELS,
  ROLES,
  TAGGING,
  CURATING,
)
export class RepositoriesController extends RestHost {}
