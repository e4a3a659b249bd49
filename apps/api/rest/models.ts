import { isUuid } from '#platform/identifiers.js';

/** Where all REST paths begin. */
export const API_ROOT = '/pulp/api/v3/';

/** A kind of resource: where it lives in the URL space and in the database. */
export interface Model {
  /** Collection path below {@link API_ROOT}, without slashes at its ends. */
  readonly path: string;
  /** Table of the rows. */
  readonly table: string;
  /** Class name, as error texts say it. */
  readonly noun: string;
  /** Name of the path parameter in the API document. */
  readonly parameter: string;
  /** SQL that tells rows of this model in a table that holds several; `t` is the row. */
  readonly discriminator?: string;
  /** Keys are integers instead of UUIDs. */
  readonly integerKey?: boolean;
}

const model = (path: string, table: string, noun: string, parameter: string, discriminator?: string): Model => ({
  path,
  table,
  noun,
  parameter,
  ...(discriminator === undefined ? {} : { discriminator }),
});

/** Domains are off: what would be their table has one row. */
const DEFAULT_DOMAIN = `(select '01900000-0000-7000-8000-000000000000'::uuid as id, 'default' as name,
  null::text as description, '{}'::jsonb as pulp_labels, 'pulpcore.app.models.storage.FileSystem' as storage_class,
  '{}'::jsonb as storage_settings, true as redirect_to_object_storage, false as hide_guarded_distributions,
  timestamptz '2024-01-01 00:00:00+00' as pulp_created, timestamptz '2024-01-01 00:00:00+00' as pulp_last_updated)`;

/** All kinds of resources by the name in their PRNs. */
export const MODELS = {
  'hallmark.trustpolicy': model('trust-policies', 'trust_policy', 'TrustPolicy', 'hallmark_trust_policy_href'),
  'container.containerrepository': model(
    'repositories/container/container',
    'repository',
    'ContainerRepository',
    'container_container_repository_href',
    `t.type = 'container'`,
  ),
  'container.containerpushrepository': model(
    'repositories/container/container-push',
    'repository',
    'ContainerPushRepository',
    'container_container_push_repository_href',
    `t.type = 'container-push'`,
  ),
  'container.containerremote': model(
    'remotes/container/container',
    'remote',
    'ContainerRemote',
    'container_container_remote_href',
    `t.type = 'container'`,
  ),
  'container.containerpullthroughremote': model(
    'remotes/container/pull-through',
    'remote',
    'ContainerPullThroughRemote',
    'container_container_pull_through_remote_href',
    `t.type = 'pull-through'`,
  ),
  'container.containerdistribution': model(
    'distributions/container/container',
    'distribution',
    'ContainerDistribution',
    'container_container_distribution_href',
    `t.type = 'container'`,
  ),
  'container.containerpullthroughdistribution': model(
    'distributions/container/pull-through',
    'distribution',
    'ContainerPullThroughDistribution',
    'container_container_pull_through_distribution_href',
    `t.type = 'pull-through'`,
  ),
  'container.containernamespace': model(
    'pulp_container/namespaces',
    'namespace',
    'ContainerNamespace',
    'container_container_namespace_href',
  ),
  'container.blob': model('content/container/blobs', 'blob', 'Blob', 'container_blob_href'),
  'container.manifest': model('content/container/manifests', 'manifest', 'Manifest', 'container_manifest_href'),
  'container.tag': model('content/container/tags', 'tag', 'Tag', 'container_tag_href'),
  'container.manifestsignature': model(
    'content/container/signatures',
    'signature',
    'ManifestSignature',
    'container_manifest_signature_href',
  ),
  'core.repositoryversion': model(
    'repository_versions',
    'repository_version',
    'RepositoryVersion',
    'repository_version_href',
  ),
  'core.signingservice': model('signing-services', 'signing_service', 'SigningService', 'signing_service_href'),
  'core.task': model('tasks', 'task', 'Task', 'task_href'),
  'core.taskgroup': model('task-groups', 'task_group', 'TaskGroup', 'task_group_href'),
  'core.taskschedule': model('task-schedules', 'task_schedule', 'TaskSchedule', 'task_schedule_href'),
  'core.worker': model('workers', 'app_status', 'Worker', 'worker_href', `t.app_type in ('worker', 'standalone')`),
  'core.accesspolicy': model('access_policies', 'access_policy', 'AccessPolicy', 'access_policy_href'),
  'core.role': model('roles', 'role', 'Role', 'role_href'),
  'core.group': { ...model('groups', 'access_group', 'Group', 'group_href'), integerKey: true },
  'core.userrole': model('users/roles', 'role_assignment', 'UserRole', 'auth_users_user_role_href'),
  'core.grouprole': model('groups/roles', 'role_assignment', 'GroupRole', 'groups_group_role_href'),
  'core.groupuser': { ...model('groups/users', 'user_account', 'User', 'groups_user_href'), integerKey: true },
  'core.artifact': model('artifacts', 'blob', 'Artifact', 'artifact_href', 't.stored'),
  'core.upload': model('uploads', 'chunked_upload', 'Upload', 'upload_href'),
  'core.contentredirectcontentguard': model(
    'contentguards/core/content_redirect',
    'content_guard',
    'ContentRedirectContentGuard',
    'content_redirect_content_guard_href',
    `t.type = 'content_redirect'`,
  ),
  'core.rbaccontentguard': model(
    'contentguards/core/rbac',
    'content_guard',
    'RBACContentGuard',
    'r_b_a_c_content_guard_href',
    `t.type = 'rbac'`,
  ),
  'core.headercontentguard': model(
    'contentguards/core/header',
    'content_guard',
    'HeaderContentGuard',
    'header_content_guard_href',
    `t.type = 'header'`,
  ),
  'core.compositecontentguard': model(
    'contentguards/core/composite',
    'content_guard',
    'CompositeContentGuard',
    'composite_content_guard_href',
    `t.type = 'composite'`,
  ),
  'core.pulpexporter': model(
    'exporters/core/pulp',
    'exporter',
    'PulpExporter',
    'pulp_exporter_href',
    `t.type = 'pulp'`,
  ),
  'core.pulpexport': model('exporters/core/pulp/exports', 'export', 'PulpExport', 'pulp_pulp_export_href'),
  'core.filesystemexporter': model(
    'exporters/core/filesystem',
    'exporter',
    'FilesystemExporter',
    'filesystem_exporter_href',
    `t.type = 'filesystem'`,
  ),
  'core.filesystemexport': model(
    'exporters/core/filesystem/exports',
    'export',
    'FilesystemExport',
    'filesystem_filesystem_export_href',
  ),
  'core.pulpimporter': model('importers/core/pulp', 'importer', 'PulpImporter', 'pulp_importer_href'),
  'core.pulpimport': model('importers/core/pulp/imports', 'import', 'PulpImport', 'pulp_pulp_import_href'),
  'core.upstreampulp': model('upstream-pulps', 'upstream_pulp', 'UpstreamPulp', 'upstream_pulp_href'),
  'core.domain': model('domains', DEFAULT_DOMAIN, 'Domain', 'domain_href'),
  'hallmark.robotaccount': model('robots', 'robot_account', 'RobotAccount', 'robot_account_href'),
  'auth.user': { ...model('users', 'user_account', 'User', 'auth_user_href'), integerKey: true },
} as const satisfies Record<string, Model>;

/** The name of a kind of resource, as in its PRNs. */
export type ModelName = keyof typeof MODELS;

/** What an href or a PRN names. Repository versions by href have their repository and number instead of a key. */
export type Located =
  | { readonly model: ModelName; readonly id: string }
  | {
      readonly model: 'core.repositoryversion';
      readonly repository: string;
      readonly repositoryModel: ModelName;
      readonly number: number;
    };

/** The path of one resource. */
export const hrefTo = (name: ModelName, id: string | number): string => `${API_ROOT}${MODELS[name].path}/${id}/`;

/** The domain-independent name of one resource. */
export const prnOf = (name: ModelName, id: string | number): string => `prn:${name}:${id}`;

/** The model of a repository of this type. */
export const repositoryModel = (type: string): ModelName =>
  type === 'container-push' ? 'container.containerpushrepository' : 'container.containerrepository';

/** The path of a repository version. */
export const versionHref = (type: string, repository: string, number: number): string =>
  `${hrefTo(repositoryModel(type), repository)}versions/${number}/`;

const byPath = new Map<string, ModelName>(
  (Object.entries(MODELS) as [ModelName, Model][]).map(([name, { path }]) => [path, name]),
);

/** Reads an href (with or without an origin) or a PRN; undefined when it is neither. */
export function locate(text: string): Located | undefined {
  if (text.startsWith('prn:')) return locatePrn(text);
  const path = text.replace(/^https?:\/\/[^/]+(?=\/)/, '');
  if (!path.startsWith(API_ROOT) || !path.endsWith('/')) return undefined;
  const pieces = path.slice(API_ROOT.length, -1).split('/');
  if (pieces.at(-2) === 'versions') return locateVersion(pieces);
  return located(byPath.get(pieces.slice(0, -1).join('/')), pieces.at(-1)!);
}

function locatePrn(text: string): Located | undefined {
  const [, name = '', id = '', ...rest] = text.split(':');
  return rest.length === 0 && Object.hasOwn(MODELS, name) ? located(name as ModelName, id) : undefined;
}

function locateVersion(pieces: readonly string[]): Located | undefined {
  const repository = pieces.at(-3)!;
  const name = byPath.get(pieces.slice(0, -3).join('/'));
  const number = /^\d{1,9}$/.test(pieces.at(-1)!) ? Number(pieces.at(-1)) : undefined;
  if (!name || MODELS[name].table !== 'repository' || !isUuid(repository) || number === undefined) return undefined;
  return { model: 'core.repositoryversion', repositoryModel: name, repository, number };
}

/** True when a text may be the key of a row of this model. */
export function isKeyOf(name: ModelName, id: string): boolean {
  return (MODELS[name] as Model).integerKey ? /^\d{1,9}$/.test(id) : isUuid(id);
}

function located(name: ModelName | undefined, id: string): Located | undefined {
  return name && isKeyOf(name, id) ? { model: name, id: id.toLowerCase() } : undefined;
}
