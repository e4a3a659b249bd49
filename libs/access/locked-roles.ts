import { NAMESPACE_PERMISSIONS } from './permission-names.js';

/** A role that the product brings along. */
export interface LockedRole {
  readonly name: string;
  readonly description: string;
  readonly permissions: readonly string[];
}

type RoleList = Readonly<Record<string, readonly string[]>>;

const owned = ['view', 'change', 'delete', 'manage_roles'];
const plain: RoleList = { creator: ['add'], owner: owned, viewer: ['view'] };
const content = ['sync', 'modify_content', 'build_image'];
const namespaceRead = NAMESPACE_PERMISSIONS.filter(
  (code) => code.startsWith('namespace_view_') || code === 'namespace_pull_containerdistribution',
);

/** By model: role suffix → permissions, as verbs of the model or, with the model or a `namespace_` in them, written out. */
const ROLES: Readonly<Record<string, RoleList>> = {
  'container.containerremote': plain,
  'container.containerpullthroughremote': plain,
  'container.containerrepository': {
    creator: ['add'],
    owner: [...owned, ...content, 'delete_containerrepository_versions'],
    content_manager: ['view', ...content, 'delete_containerrepository_versions'],
    viewer: ['view'],
  },
  'container.containerdistribution': {
    creator: ['add'],
    owner: [...owned, 'pull', 'push'],
    collaborator: ['view', 'pull', 'push'],
    consumer: ['view', 'pull'],
  },
  'container.containerpullthroughdistribution': {
    creator: ['add'],
    owner: [...owned, 'pull_new_containerdistribution'],
    collaborator: ['view', 'pull_new_containerdistribution'],
    consumer: ['view', 'pull_new_containerdistribution'],
  },
  'container.containernamespace': {
    creator: ['add'],
    owner: ['view', 'delete', 'manage_roles', ...NAMESPACE_PERMISSIONS],
    collaborator: ['view', ...NAMESPACE_PERMISSIONS],
    consumer: ['view', ...namespaceRead],
  },
  'core.compositecontentguard': plain,
  'core.contentredirectcontentguard': plain,
  'core.headercontentguard': plain,
  'core.rbaccontentguard': { ...plain, downloader: ['download'] },
  'core.domain': plain,
  'core.group': plain,
  'core.task': {
    owner: [...owned, 'view_task_profile_artifacts'],
    viewer: ['view'],
    user_dispatcher: ['add'],
  },
  'core.taskschedule': { owner: ['view', 'manage_roles'], viewer: ['view'] },
  'core.upload': plain,
  'core.upstreampulp': { ...plain, owner: [...owned, 'replicate'], user: ['view', 'replicate'] },
};

const INTENT: Readonly<Record<string, string>> = {
  creator: 'Create objects of this kind.',
  owner: 'Do everything with the object, including giving roles on it.',
  viewer: 'See the object.',
  content_manager: 'See the object and change its content.',
  collaborator: 'See, pull and push.',
  consumer: 'See and pull.',
  downloader: 'Download what the guard protects.',
  user: 'See and use the object.',
  user_dispatcher: 'Marks who dispatched a task.',
};

/** The roles that exist in every installation, under the names that Pulp gives them. */
export const LOCKED_ROLES: readonly LockedRole[] = Object.entries(ROLES).flatMap(([model, roles]) =>
  Object.entries(roles).map(([suffix, codes]) => ({
    name: `${model}_${suffix}`,
    description: INTENT[suffix] ?? '',
    permissions: codes.map((code) => permissionName(model, code)).toSorted(),
  })),
);

/** The role that the maker of an object of this model gets on it, when there is one. */
export function ownerRoleOf(model: string): string | undefined {
  return ROLES[model]?.['owner'] ? `${model}_owner` : undefined;
}

function permissionName(model: string, code: string): string {
  const [app, name] = model.split('.');
  const whole = code.startsWith('namespace_') || code.startsWith('pull_new_') || code.includes(`_${name}`);
  return whole ? `${app}.${code}` : `${app}.${code}_${name}`;
}
