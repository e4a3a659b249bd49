const crud = ['add', 'view', 'change', 'delete', 'manage_roles'] as const;

/** Further permissions of a model beside those that every model has; the model's name is written out where Pulp does. */
const NAMESPACE = [
  ...['add', 'delete', 'view', 'pull', 'push', 'change'].map((verb) => `namespace_${verb}_containerdistribution`),
  ...['view', 'modify_content', 'change'].map((verb) => `namespace_${verb}_containerpushrepository`),
  ...['view', 'modify_content', 'change'].map((verb) => `namespace_${verb}_containerrepository`),
];

const EXTRA: Readonly<Record<string, readonly string[]>> = {
  'container.containerremote': [],
  'container.containerpullthroughremote': [],
  'container.containerrepository': [
    'sync_containerrepository',
    'modify_content_containerrepository',
    'build_image_containerrepository',
    'delete_containerrepository_versions',
  ],
  'container.containerpushrepository': ['modify_content_containerpushrepository'],
  'container.containerdistribution': ['pull_containerdistribution', 'push_containerdistribution'],
  'container.containerpullthroughdistribution': ['pull_new_containerdistribution'],
  'container.containernamespace': NAMESPACE,
  'core.compositecontentguard': [],
  'core.contentredirectcontentguard': [],
  'core.headercontentguard': [],
  'core.rbaccontentguard': ['download_rbaccontentguard'],
  'core.domain': [],
  'core.group': [],
  'core.task': ['view_task_profile_artifacts'],
  'core.taskgroup': [],
  'core.taskschedule': [],
  'core.upload': [],
  'core.upstreampulp': ['replicate_upstreampulp'],
  'core.user': [],
  'core.role': [],
  'core.accesspolicy': [],
};

/** Each permission (`app.codename`) and the model (`app.model`) it belongs to. */
const MODEL_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(EXTRA).flatMap(([model, extra]) => {
    const [app, name] = model.split('.');
    return [...crud.map((verb) => `${verb}_${name}`), ...extra].map((code) => [`${app}.${code}`, model] as const);
  }),
);

/** What `namespace_*` permissions there are, without the app. */
export const NAMESPACE_PERMISSIONS: readonly string[] = NAMESPACE;

/** All permission names, sorted. */
export const PERMISSION_NAMES: readonly string[] = [...MODEL_OF.keys()].toSorted();

/** The model (`container.containerrepository`) that a permission is about; undefined for unknown names. */
export function modelOf(permission: string): string | undefined {
  return MODEL_OF.get(permission);
}

/** The key under which rights on one object are kept. */
export function objectKey(model: string, id: string): string {
  return `${model}:${id}`;
}

/** True for objects that are so many that rights on them are asked for one by one, not loaded with a user's others: tasks. */
export function isNumerous(key: string): boolean {
  return modelOfKey(key) === NUMEROUS_MODEL;
}

/** The model of {@link isNumerous} objects. */
export const NUMEROUS_MODEL = 'core.task';

/** The model in an object key. */
export function modelOfKey(key: string): string {
  return key.slice(0, key.indexOf(':'));
}
