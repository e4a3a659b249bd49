import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST } from '../rest/standard/reading.js';
import { ALL_REPOSITORIES } from './repositories.resource.js';

/** All repositories, whatever their type. */
@ResourceController(ALL_REPOSITORIES, LIST)
export class AllRepositoriesController extends RestHost {}
