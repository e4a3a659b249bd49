import type { Resource } from '../rest/resource.js';
import { PlacedController, ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST } from '../rest/standard/reading.js';
import { PUSH_REPOSITORIES, REPOSITORIES } from './repositories.resource.js';
import { versionRoutes } from './version-routes.js';
import { ALL_VERSIONS, versionsBelow } from './versions.resource.js';

/** Versions below curated repositories. */
export const VERSIONS = versionsBelow(REPOSITORIES, 'Repositories: Container Versions');
/** Versions below repositories that clients push into. */
export const PUSH_VERSIONS = versionsBelow(PUSH_REPOSITORIES, 'Repositories: Container_Push Versions');

/** Where the versions below a type of repositories live. */
export const placeOf = (resource: Resource, parent: Resource) => ({
  path: `${parent.path}/:repository/versions`,
  tag: resource.tag,
  operations: resource.operations,
  resource,
  parent: { resource: parent, key: 'repository' },
  member: { parameter: resource.parameter, key: 'number' },
});

/** Versions of repositories whose content is mirrored or curated. */
@PlacedController(placeOf(VERSIONS, REPOSITORIES), VERSIONS, versionRoutes(REPOSITORIES))
export class VersionsController extends RestHost {}

/** Versions of repositories that clients push into. */
@PlacedController(placeOf(PUSH_VERSIONS, PUSH_REPOSITORIES), PUSH_VERSIONS, versionRoutes(PUSH_REPOSITORIES))
export class PushVersionsController extends RestHost {}

/** Versions of all repositories. */
@ResourceController(ALL_VERSIONS, LIST)
export class AllVersionsController extends RestHost {}
