import { expect, it } from 'vitest';
import { NO_PERMISSIONS, PermissionSet } from './permission-set.js';

const VIEW = 'container.view_containerrepository';
const PULL = 'container.pull_containerdistribution';
const REPOSITORY = 'container.containerrepository:1';

it('a role on an object gives only what is about objects of its kind', () => {
  const set = new PermissionSet(false, [{ contentObject: REPOSITORY, permissions: [VIEW, PULL] }]);
  expect(set.has(VIEW, REPOSITORY)).toBe(true);
  expect(set.has(PULL, REPOSITORY)).toBe(false);
  expect(set.objectsWith(PULL)).toEqual([]);
  expect(set.on(REPOSITORY, [PULL, VIEW])).toEqual([VIEW]);
});

it('roles on one object add up', () => {
  const change = 'container.change_containerrepository';
  const set = new PermissionSet(false, [
    { contentObject: REPOSITORY, permissions: [VIEW] },
    { contentObject: REPOSITORY, permissions: [change] },
  ]);
  expect(set.on(REPOSITORY, [VIEW, change, PULL])).toEqual([change, VIEW]);
  expect(set.objectsWith(VIEW)).toEqual([REPOSITORY]);
});

it('rights on a model hold for each of its objects', () => {
  const set = new PermissionSet(false, [{ contentObject: null, permissions: [VIEW] }]);
  expect(set.has(VIEW)).toBe(true);
  expect(set.has(VIEW, REPOSITORY)).toBe(true);
  expect(set.objectsWith(VIEW)).toBe('all');
  expect(set.modelLevel).toEqual([VIEW]);
});

it('nobody has no rights, and who may everything has all', () => {
  expect(NO_PERMISSIONS.has(VIEW, REPOSITORY)).toBe(false);
  expect(new PermissionSet(true, []).has('whatever', REPOSITORY)).toBe(true);
});
