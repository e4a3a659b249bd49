import { Module, type DynamicModule, type ModuleMetadata, type OnModuleInit, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { AccessPoliciesController } from './access/access-policies.controller.js';
import { GroupUsersController } from './access/group-users.controller.js';
import { GroupsController } from './access/groups.controller.js';
import { LoginController } from './access/login.controller.js';
import { RobotsController } from './access/robots.controller.js';
import { GroupRolesController, UserRolesController } from './access/role-assignments.controller.js';
import { RolesController } from './access/roles.controller.js';
import { UsersController } from './access/users.controller.js';
import { ArtifactsController } from './artifacts/artifacts.controller.js';
import { UploadsController } from './artifacts/uploads.controller.js';
import { AllContentController } from './content/all-content.controller.js';
import { BlobsController } from './content/blobs.controller.js';
import { ManifestsController } from './content/manifests.controller.js';
import { SignaturesController } from './content/signatures.controller.js';
import { TagsController } from './content/tags.controller.js';
import {
  AllDistributionsController,
  DistributionsController,
  PullThroughDistributionsController,
} from './distributions/distributions.controller.js';
import { DOCUMENTED, DocsController } from './docs/docs.controller.js';
import { RootController } from './docs/root.controller.js';
import { DomainsController } from './exchange/domains.controller.js';
import { EMPTY_LISTS } from './exchange/empty-lists.js';
import {
  FilesystemExportersController,
  FilesystemExportsController,
  PulpExportersController,
  PulpExportsController,
} from './exchange/exporters.controllers.js';
import {
  PulpImportCheckController,
  PulpImportersController,
  PulpImportsController,
} from './exchange/importers.controllers.js';
import { UpstreamPulpsController } from './exchange/upstream-pulps.controller.js';
import { FallbackController } from './fallback.controller.js';
import { installApiHooks } from './http-hooks.js';
import {
  AllGuardsController,
  CompositeGuardsController,
  HeaderGuardsController,
  RbacGuardsController,
  RedirectGuardsController,
} from './guards/guards.controllers.js';
import {
  DataRepairController,
  OrphansCleanupController,
  OrphansController,
  ReclaimSpaceController,
  RepairController,
} from './maintenance/maintenance.controllers.js';
import { NamespacesController } from './namespaces/namespaces.controller.js';
import { AllRemotesController, PullThroughRemotesController, RemotesController } from './remotes/remotes.controller.js';
import { AllRepositoriesController } from './repositories/all-repositories.controller.js';
import { PushRepositoriesController } from './repositories/push-repositories.controller.js';
import { RepositoriesController } from './repositories/repositories.controller.js';
import {
  AllVersionsController,
  PushVersionsController,
  VersionsController,
} from './repositories/versions.controller.js';
import { OciLayouts } from '#transfer/oci-layout/oci-layouts.js';
import { AccessDecisions } from './rest/access/access-decisions.js';
import { Callers } from './rest/access/callers.js';
import { PolicyBook } from './rest/access/policies/policy-book.js';
import { Rest } from './rest/rest.js';
import { GeneralTasks } from './rest/writing/general-tasks.js';
import { SigningServicesController } from './signing/signing-services.controller.js';
import { LivezController, StatusController } from './status/status.controller.js';
import { TaskGroupsController } from './tasks/task-groups.controller.js';
import { TaskSchedulesController } from './tasks/task-schedules.controller.js';
import { API_TASK_HANDLERS } from './task-handlers.js';
import { TasksController } from './tasks/tasks.controller.js';
import { WorkersController } from './tasks/workers.controller.js';
import {
  ImportsController,
  LayoutsController,
  PushImportsController,
  PushLayoutsController,
} from './layouts/layouts.controllers.js';
import { TrustPoliciesController } from './trust-policies/trust-policies.controller.js';
import { VerifyController } from './verify/verify.controller.js';

/** Every controller of the REST API: what is listed here is served and documented. */
export const API_CONTROLLERS: Type[] = [
  StatusController,
  LivezController,
  SigningServicesController,
  AllRepositoriesController,
  RepositoriesController,
  PushRepositoriesController,
  AllVersionsController,
  VersionsController,
  PushVersionsController,
  AllContentController,
  BlobsController,
  ManifestsController,
  TagsController,
  SignaturesController,
  AllRemotesController,
  RemotesController,
  PullThroughRemotesController,
  AllDistributionsController,
  DistributionsController,
  PullThroughDistributionsController,
  NamespacesController,
  TasksController,
  TaskGroupsController,
  TaskSchedulesController,
  WorkersController,
  VerifyController,
  LayoutsController,
  PushLayoutsController,
  ImportsController,
  PushImportsController,
  TrustPoliciesController,
  UsersController,
  UserRolesController,
  GroupsController,
  GroupUsersController,
  GroupRolesController,
  RolesController,
  LoginController,
  AccessPoliciesController,
  RobotsController,
  ArtifactsController,
  UploadsController,
  AllGuardsController,
  RedirectGuardsController,
  RbacGuardsController,
  HeaderGuardsController,
  CompositeGuardsController,
  PulpExportersController,
  PulpExportsController,
  FilesystemExportersController,
  FilesystemExportsController,
  PulpImportersController,
  PulpImportsController,
  PulpImportCheckController,
  UpstreamPulpsController,
  DomainsController,
  ...EMPTY_LISTS,
  OrphansController,
  OrphansCleanupController,
  RepairController,
  DataRepairController,
  ReclaimSpaceController,
];

/**
 * The REST API. It needs `DataSource`, `Authenticator`, `Permissions`, `TaskDispatcher` and the settings, which are global or
 * come from `imports`.
 */
@Module({})
export class ApiModule implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost) {}

  static register(options: Pick<ModuleMetadata, 'imports'> = {}): DynamicModule {
    return {
      module: ApiModule,
      imports: options.imports ?? [],
      controllers: [...API_CONTROLLERS, DocsController, RootController, FallbackController],
      providers: [
        Rest,
        AccessDecisions,
        PolicyBook,
        Callers,
        GeneralTasks,
        OciLayouts,
        ...API_TASK_HANDLERS,
        { provide: DOCUMENTED, useValue: () => API_CONTROLLERS },
      ],
    };
  }

  onModuleInit(): void {
    installApiHooks(this.host.httpAdapter.getInstance<FastifyInstance>());
  }
}
