import { AccessPolicy } from './access-policy.entity.js';
import { AccessGroup, AccessGroupMember } from './group.entity.js';
import { RobotAccount } from './robot-account.entity.js';
import { RoleAssignment } from './role-assignment.entity.js';
import { Role } from './role.entity.js';
import { Session } from './session.entity.js';
import { TokenKey } from './token-key.entity.js';
import { UserAccount } from './user.entity.js';

/** Tables of this lib. */
export const accessEntities: Function[] = [
  UserAccount,
  AccessGroup,
  AccessGroupMember,
  Role,
  RoleAssignment,
  RobotAccount,
  TokenKey,
  AccessPolicy,
  Session,
];
