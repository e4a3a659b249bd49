/** Words for what can be asked of each kind of object, in groups that are granted together. */
const VIEW = ['read', 'my_permissions'];
const VERSIONS = ['list_versions', 'read_version'];
const CHANGE = ['update', 'set_label'];
const ROLES = ['list_roles', 'add_role'];
const MODIFY = ['sign', 'tag', 'untag', 'add', 'remove', 'modify', 'copy_tags', 'copy_manifests', 'repair_version'];
const MODIFY_PUSHED = ['sign', 'tag', 'untag', 'remove_image', 'remove_signatures'];
const CHANGE_PUSHED = [...CHANGE, 'migrate'];
const SEE_REPOSITORY = [...VIEW, ...VERSIONS];
const OWN = [...VIEW, ...CHANGE, 'delete', ...ROLES];

/** An object of the world that the roles are compared in. */
export type Kind =
  | 'repository'
  | 'pushed'
  | 'remote'
  | 'upstream'
  | 'distribution'
  | 'pushedDistribution'
  | 'cache'
  | 'namespace'
  | 'guard'
  | 'rbac'
  | 'redirect'
  | 'composite'
  | 'schedule'
  | 'group'
  | 'upload'
  | 'server'
  | 'task';

/** Everything that can be asked of an object of a kind. */
export const ACTIONS: Readonly<Record<Kind, readonly string[]>> = {
  repository: [...SEE_REPOSITORY, ...CHANGE, 'delete', 'sync', ...MODIFY, 'delete_version', ...ROLES],
  pushed: [...SEE_REPOSITORY, ...CHANGE_PUSHED, ...MODIFY_PUSHED],
  remote: OWN,
  upstream: OWN,
  distribution: OWN,
  pushedDistribution: OWN,
  cache: OWN,
  namespace: [...VIEW, 'delete', ...ROLES],
  guard: [...VIEW, 'update', 'delete', ...ROLES],
  rbac: [...VIEW, 'update', 'delete', ...ROLES],
  redirect: [...VIEW, 'update', 'delete', ...ROLES],
  composite: [...VIEW, 'update', 'delete', ...ROLES],
  schedule: [...VIEW, ...ROLES],
  group: [...VIEW, 'update', 'delete', ...ROLES],
  upload: [...VIEW, 'delete', ...ROLES],
  server: [...VIEW, 'update', 'delete', 'replicate', ...ROLES],
  task: [...VIEW, 'cancel', 'delete', ...ROLES],
};

/** What a role on one object lets do, with it and with what belongs to it; on everything else it lets do nothing. */
export interface RoleRow {
  readonly role: string;
  readonly on: Kind;
  readonly may: Readonly<Partial<Record<Kind, readonly string[]>>>;
}

const NAMESPACED: RoleRow['may'] = {
  distribution: [...VIEW, ...CHANGE, 'delete'],
  pushedDistribution: [...VIEW, ...CHANGE, 'delete'],
  repository: [...SEE_REPOSITORY, ...CHANGE, ...MODIFY],
  pushed: [...SEE_REPOSITORY, ...CHANGE_PUSHED, ...MODIFY_PUSHED],
};

const plain = (model: string, on: Kind): RoleRow[] => [
  { role: `${model}_creator`, on, may: {} },
  { role: `${model}_owner`, on, may: { [on]: ACTIONS[on] } },
  { role: `${model}_viewer`, on, may: { [on]: VIEW } },
];

/** Collections that take new objects from holders of this role on everything, and of no other. */
export const CREATOR_OF: Readonly<Record<string, string>> = {
  'repositories/container/container': 'container.containerrepository_creator',
  'remotes/container/container': 'container.containerremote_creator',
  'remotes/container/pull-through': 'container.containerpullthroughremote_creator',
  'contentguards/core/content_redirect': 'core.contentredirectcontentguard_creator',
  'contentguards/core/rbac': 'core.rbaccontentguard_creator',
  'contentguards/core/header': 'core.headercontentguard_creator',
  'contentguards/core/composite': 'core.compositecontentguard_creator',
  groups: 'core.group_creator',
  uploads: 'core.upload_creator',
  'upstream-pulps': 'core.upstreampulp_creator',
};

/** Roles as Pulp Container and its core have them, each on an object of its kind. */
export const ROLE_ROWS: readonly RoleRow[] = [
  ...plain('container.containerremote', 'remote'),
  ...plain('container.containerpullthroughremote', 'upstream'),
  { role: 'container.containerrepository_creator', on: 'repository', may: {} },
  { role: 'container.containerrepository_owner', on: 'repository', may: { repository: ACTIONS.repository } },
  {
    role: 'container.containerrepository_content_manager',
    on: 'repository',
    may: { repository: [...SEE_REPOSITORY, 'sync', ...MODIFY, 'delete_version'] },
  },
  { role: 'container.containerrepository_viewer', on: 'repository', may: { repository: SEE_REPOSITORY } },
  { role: 'container.containerdistribution_creator', on: 'distribution', may: {} },
  {
    role: 'container.containerdistribution_owner',
    on: 'distribution',
    may: { distribution: OWN, repository: [...SEE_REPOSITORY, ...CHANGE] },
  },
  {
    role: 'container.containerdistribution_owner',
    on: 'pushedDistribution',
    may: { pushedDistribution: OWN, pushed: ACTIONS.pushed },
  },
  {
    role: 'container.containerdistribution_collaborator',
    on: 'distribution',
    may: { distribution: VIEW, repository: SEE_REPOSITORY },
  },
  {
    role: 'container.containerdistribution_collaborator',
    on: 'pushedDistribution',
    may: { pushedDistribution: VIEW, pushed: [...SEE_REPOSITORY, ...MODIFY_PUSHED] },
  },
  {
    role: 'container.containerdistribution_consumer',
    on: 'distribution',
    may: { distribution: VIEW, repository: SEE_REPOSITORY },
  },
  {
    role: 'container.containerdistribution_consumer',
    on: 'pushedDistribution',
    may: { pushedDistribution: VIEW, pushed: SEE_REPOSITORY },
  },
  { role: 'container.containerpullthroughdistribution_creator', on: 'cache', may: {} },
  { role: 'container.containerpullthroughdistribution_owner', on: 'cache', may: { cache: OWN } },
  { role: 'container.containerpullthroughdistribution_collaborator', on: 'cache', may: { cache: VIEW } },
  { role: 'container.containerpullthroughdistribution_consumer', on: 'cache', may: { cache: VIEW } },
  { role: 'container.containernamespace_creator', on: 'namespace', may: {} },
  {
    role: 'container.containernamespace_owner',
    on: 'namespace',
    may: { namespace: [...VIEW, 'delete', ...ROLES], ...NAMESPACED },
  },
  { role: 'container.containernamespace_collaborator', on: 'namespace', may: { namespace: VIEW, ...NAMESPACED } },
  {
    role: 'container.containernamespace_consumer',
    on: 'namespace',
    may: {
      namespace: VIEW,
      distribution: VIEW,
      pushedDistribution: VIEW,
      repository: SEE_REPOSITORY,
      pushed: SEE_REPOSITORY,
    },
  },
  ...plain('core.headercontentguard', 'guard'),
  ...plain('core.rbaccontentguard', 'rbac'),
  { role: 'core.rbaccontentguard_downloader', on: 'rbac', may: {} },
  ...plain('core.contentredirectcontentguard', 'redirect'),
  ...plain('core.compositecontentguard', 'composite'),
  { role: 'core.taskschedule_owner', on: 'schedule', may: { schedule: ACTIONS.schedule } },
  { role: 'core.taskschedule_viewer', on: 'schedule', may: { schedule: VIEW } },
  ...plain('core.group', 'group'),
  ...plain('core.upload', 'upload'),
  ...plain('core.upstreampulp', 'server'),
  { role: 'core.upstreampulp_user', on: 'server', may: { server: [...VIEW, 'replicate'] } },
  { role: 'core.task_owner', on: 'task', may: { task: ACTIONS.task } },
  { role: 'core.task_viewer', on: 'task', may: { task: VIEW } },
  { role: 'core.task_user_dispatcher', on: 'task', may: {} },
];
