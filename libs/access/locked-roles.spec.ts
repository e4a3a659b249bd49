import { expect, it } from 'vitest';
import { LOCKED_ROLES, ownerRoleOf } from './locked-roles.js';
import { modelOf, modelOfKey, objectKey, PERMISSION_NAMES } from './permission-names.js';

const permissions = (name: string) => LOCKED_ROLES.find((role) => role.name === name)?.permissions;

it('every permission of a locked role is a known one', () => {
  const unknown = LOCKED_ROLES.flatMap((role) => role.permissions.filter((each) => !PERMISSION_NAMES.includes(each)));
  expect(unknown).toEqual([]);
});

it.each([
  ['container.containerremote_creator', ['container.add_containerremote']],
  [
    'container.containerrepository_content_manager',
    [
      'container.build_image_containerrepository',
      'container.delete_containerrepository_versions',
      'container.modify_content_containerrepository',
      'container.sync_containerrepository',
      'container.view_containerrepository',
    ],
  ],
  [
    'container.containerdistribution_collaborator',
    [
      'container.pull_containerdistribution',
      'container.push_containerdistribution',
      'container.view_containerdistribution',
    ],
  ],
  [
    'container.containerpullthroughdistribution_consumer',
    ['container.pull_new_containerdistribution', 'container.view_containerpullthroughdistribution'],
  ],
  [
    'container.containernamespace_consumer',
    [
      'container.namespace_pull_containerdistribution',
      'container.namespace_view_containerdistribution',
      'container.namespace_view_containerpushrepository',
      'container.namespace_view_containerrepository',
      'container.view_containernamespace',
    ],
  ],
  ['core.rbaccontentguard_downloader', ['core.download_rbaccontentguard']],
  ['core.task_viewer', ['core.view_task']],
])('%s carries what clients expect', (name, expected) => {
  expect(permissions(name)).toEqual(expected);
});

it('the owner of a namespace has every right inside it', () => {
  expect(permissions('container.containernamespace_owner')).toHaveLength(15);
});

it('knows the model of a permission and of an object key', () => {
  expect(modelOf('container.namespace_push_containerdistribution')).toBe('container.containernamespace');
  expect(modelOf('container.delete_containerrepository_versions')).toBe('container.containerrepository');
  expect(modelOf('container.fly_containerrepository')).toBeUndefined();
  expect(modelOfKey(objectKey('core.task', 'x:y'))).toBe('core.task');
});

it('names the role that makers get', () => {
  expect(ownerRoleOf('container.containerremote')).toBe('container.containerremote_owner');
  expect(ownerRoleOf('container.containerpushrepository')).toBeUndefined();
});
