import { PlacedController, RestHost } from '../rest/rest-controller.js';
import { ASSIGNED_ROLES, assignedRoles } from './assigned-roles.js';
import { GROUPS } from './groups.resource.js';
import { USERS } from './users.resource.js';

const USER_ROLES = assignedRoles('core.userrole', 'users');
const GROUP_ROLES = assignedRoles('core.grouprole', 'groups');

const placeOf = (resource: typeof USER_ROLES, parent: typeof USERS) => ({
  path: resource.path,
  tag: resource.tag,
  operations: resource.operations,
  resource,
  parent: { resource: parent, key: 'holder' },
  member: { parameter: resource.parameter, key: 'id' },
});

/** The roles of one user. */
@PlacedController(placeOf(USER_ROLES, USERS), USER_ROLES, ASSIGNED_ROLES)
export class UserRolesController extends RestHost {}

/** The roles of one group; giving them is for superusers, for they may be about anything. */
@PlacedController(placeOf(GROUP_ROLES, GROUPS), GROUP_ROLES, ASSIGNED_ROLES)
export class GroupRolesController extends RestHost {}
