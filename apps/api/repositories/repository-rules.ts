import { on, type AccessRules, type Rule, type Scope } from '../rest/access/rules.js';

const namespaced = (permission: string) => on(`container.namespace_${permission}`, 'namespace');
const view = [
  on('container.view_containerrepository'),
  namespaced('view_containerrepository'),
  on('container.view_containerdistribution', 'distribution'),
];
const change: Rule = [
  [
    on('container.change_containerrepository'),
    namespaced('change_containerrepository'),
    on('container.change_containerdistribution', 'distribution'),
  ],
  view,
];
const modify: Rule = [
  [on('container.modify_content_containerrepository'), namespaced('modify_content_containerrepository')],
  view,
];
const manage: Rule = [[on('container.manage_roles_containerrepository')]];
const versions: Rule = [[on('container.delete_containerrepository_versions')], view];

/** Distributions that somebody may see: public ones, those with the right on them or on their namespace. */
const DISTRIBUTED = (distributions: string, namespaces: string) => `
  select coalesce(d.repository_id, v.repository_id) from distribution d
    left join repository_version v on v.id = d.repository_version_id
   where not d.private or d.id::text = any(${distributions}) or d.namespace_id::text = any(${namespaces})`;

/** Repositories that somebody may see: his own, and those behind distributions that he may see. */
export const repositoryScope: Scope = (facts, values) => {
  const own = facts.keysWith('container.view_containerrepository', 'container.containerrepository');
  const distributions = facts.keysWith('container.view_containerdistribution', 'container.containerdistribution');
  const namespaces = facts.keysWith('container.view_containernamespace', 'container.containernamespace');
  if (own === 'all' || distributions === 'all' || namespaces === 'all') return 'true';
  const list = (keys: readonly string[]) => `${values.bind(keys)}::text[]`;
  return `t.id::text = any(${list(own)}) or t.id in (${DISTRIBUTED(list(distributions), list(namespaces))})`;
};

/** Who may do what with repositories. */
export const REPOSITORY_RULES: AccessRules = {
  actions: {
    list: 'authenticated',
    create: [[on('container.add_containerrepository')]],
    read: [view],
    update: change,
    partial_update: change,
    set_label: change,
    unset_label: change,
    delete: [[on('container.delete_containerrepository')], view],
    sync: [[on('container.sync_containerrepository')], view],
    sign: modify,
    tag: modify,
    untag: modify,
    add: modify,
    remove: modify,
    modify,
    copy_tags: modify,
    copy_manifests: modify,
    list_versions: [view],
    read_version: [view],
    delete_version: versions,
    repair_version: modify,
    list_roles: manage,
    add_role: manage,
    remove_role: manage,
    my_permissions: 'authenticated',
  },
  scope: repositoryScope,
  ownerRole: 'container.containerrepository_owner',
};

const pushModify: Rule = [
  [
    namespaced('modify_content_containerpushrepository'),
    on('container.modify_content_containerpushrepository'),
    on('container.push_containerdistribution', 'distribution'),
  ],
];
const pushView: Rule = [
  [
    on('container.view_containerpushrepository'),
    namespaced('view_containerpushrepository'),
    on('container.view_containerdistribution', 'distribution'),
  ],
];
const pushChange: Rule = [
  [
    on('container.change_containerpushrepository'),
    namespaced('change_containerpushrepository'),
    on('container.change_containerdistribution', 'distribution'),
  ],
];

/** Who may do what with push repositories. */
export const PUSH_REPOSITORY_RULES: AccessRules = {
  actions: {
    list: 'authenticated',
    read: pushView,
    update: pushChange,
    partial_update: pushChange,
    set_label: pushChange,
    unset_label: pushChange,
    migrate: pushChange,
    sign: pushModify,
    tag: pushModify,
    untag: pushModify,
    remove_image: pushModify,
    remove_signatures: pushModify,
    list_versions: pushView,
    read_version: pushView,
    my_permissions: 'authenticated',
  },
  scope: repositoryScope,
};
