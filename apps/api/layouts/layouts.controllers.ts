import type { Resource } from '../rest/resource.js';
import { RestController } from '../rest/rest-controller.js';
import { PUSH_REPOSITORIES, REPOSITORIES } from '../repositories/repositories.resource.js';
import { placeOf, PUSH_VERSIONS, VERSIONS } from '../repositories/versions.controller.js';
import { LayoutImports, VersionLayouts } from './layout-routes.js';

/** Archives and differences of versions of curated repositories. */
@RestController(placeOf(VERSIONS, REPOSITORIES))
export class LayoutsController extends VersionLayouts {
  protected readonly repositories = REPOSITORIES;
}

/** Archives and differences of versions of repositories that clients push into. */
@RestController(placeOf(PUSH_VERSIONS, PUSH_REPOSITORIES))
export class PushLayoutsController extends VersionLayouts {
  protected readonly repositories = PUSH_REPOSITORIES;
}

const repositoryPlace = (resource: Resource) => ({
  path: resource.path,
  tag: resource.tag,
  operations: resource.operations,
  resource,
});

/** Imports into curated repositories. */
@RestController(repositoryPlace(REPOSITORIES))
export class ImportsController extends LayoutImports {
  protected readonly repositories = REPOSITORIES;
}

/** Imports into repositories that clients push into. */
@RestController(repositoryPlace(PUSH_REPOSITORIES))
export class PushImportsController extends LayoutImports {
  protected readonly repositories = PUSH_REPOSITORIES;
}
