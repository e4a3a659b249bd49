import { OciLayouts } from '#transfer/oci-layout/oci-layouts.js';
import { Context, type RestContext } from '../rest/context.js';
import { GetRoute, PostRoute, type OperationOptions } from '../rest/operation.js';
import type { Resource } from '../rest/resource.js';
import { RestController } from '../rest/rest-controller.js';
import { PUSH_REPOSITORIES, REPOSITORIES } from '../repositories/repositories.resource.js';
import { placeOf, PUSH_VERSIONS, VERSIONS } from '../repositories/versions.controller.js';
import { DIFFERENCE_SCHEMA } from './difference-schema.js';
import { LayoutRoutes } from './layout-routes.js';

const text = { type: 'string' };

const layoutRoute = (resource: Resource): OperationOptions => ({
  action: 'read',
  id: `${resource.operations}_oci_layout`,
  summary: 'Export as an OCI image layout',
  answers: { 200: { schema: 'OciLayout', of: { type: 'string', format: 'binary' } } },
  produces: 'application/x-tar',
  query: [
    { name: 'tags', schema: text, description: 'Only these tags, separated by commas.' },
    {
      name: 'signatures',
      schema: { type: 'boolean' },
      description: 'Signatures and other referrers too; default true.',
    },
  ],
});

const diffRoute = (resource: Resource): OperationOptions => ({
  action: 'read',
  id: `${resource.operations}_diff`,
  summary: 'Compare with another version',
  answers: { 200: { schema: 'VersionDifference', of: DIFFERENCE_SCHEMA } },
  query: [
    {
      name: 'base',
      schema: text,
      description: 'Href or number of the version to compare with; default: the one before.',
    },
  ],
});

const importRoute = (resource: Resource): OperationOptions => ({
  action: 'tag',
  id: `${resource.operations}_import`,
  summary: 'Import an OCI image layout; the archive is the body',
  answers: { 202: 'task' },
});

/** Archives and differences of versions of curated repositories. */
@RestController(placeOf(VERSIONS, REPOSITORIES))
export class LayoutsController extends LayoutRoutes {
  protected readonly repositories = REPOSITORIES;

  constructor(protected readonly layouts: OciLayouts) {
    super();
  }

  @GetRoute(':number/oci-layout.tar', layoutRoute(VERSIONS))
  layout(@Context() context: RestContext) {
    return this.sendLayout(context);
  }

  @GetRoute(':number/diff', diffRoute(VERSIONS))
  diff(@Context() context: RestContext) {
    return this.difference(context);
  }
}

/** Archives and differences of versions of repositories that clients push into. */
@RestController(placeOf(PUSH_VERSIONS, PUSH_REPOSITORIES))
export class PushLayoutsController extends LayoutRoutes {
  protected readonly repositories = PUSH_REPOSITORIES;

  constructor(protected readonly layouts: OciLayouts) {
    super();
  }

  @GetRoute(':number/oci-layout.tar', layoutRoute(PUSH_VERSIONS))
  layout(@Context() context: RestContext) {
    return this.sendLayout(context);
  }

  @GetRoute(':number/diff', diffRoute(PUSH_VERSIONS))
  diff(@Context() context: RestContext) {
    return this.difference(context);
  }
}

const repositoryPlace = (resource: Resource) => ({
  path: resource.path,
  tag: resource.tag,
  operations: resource.operations,
  resource,
});

/** Imports into curated repositories. */
@RestController(repositoryPlace(REPOSITORIES))
export class ImportsController extends LayoutRoutes {
  protected readonly repositories = REPOSITORIES;

  constructor(protected readonly layouts: OciLayouts) {
    super();
  }

  @PostRoute(':id/import', importRoute(REPOSITORIES))
  import(@Context() context: RestContext) {
    return this.takeArchive(context);
  }
}

/** Imports into repositories that clients push into. */
@RestController(repositoryPlace(PUSH_REPOSITORIES))
export class PushImportsController extends LayoutRoutes {
  protected readonly repositories = PUSH_REPOSITORIES;

  constructor(protected readonly layouts: OciLayouts) {
    super();
  }

  @PostRoute(':id/import', importRoute(PUSH_REPOSITORIES))
  import(@Context() context: RestContext) {
    return this.takeArchive(context);
  }
}
