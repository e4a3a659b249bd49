import type { DataSource, EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { AccessCache } from './access-cache.js';
import type { AccessChanges } from './access-changes.js';
import { ROBOT_PREFIX, type RobotPrincipal, type UserPrincipal } from './principal.js';
import type { RobotScope } from './robot-scope.js';

/** A principal that may sign in, and what it proves itself with. */
export interface Account<P = UserPrincipal | RobotPrincipal> {
  readonly principal: P;
  readonly secretHash: string | null;
}

interface UserRow {
  id: number;
  username: string;
  password_hash: string | null;
  is_superuser: boolean;
  token_generation: number;
  groups: number[];
}

interface RobotRow extends UserRow {
  robot_id: string;
  name: string;
  secret_hash: string;
  scopes: RobotScope[];
  expires_at: Date | null;
}

const USER_FIELDS = `u.id, u.username, u.password_hash, u.is_superuser, u.token_generation,
  array(select m.group_id from access_group_member m where m.user_id = u.id order by 1) as groups`;

/** The active account that signs in with this name; undefined when there is none, or it is revoked, expired or switched off. */
export async function readAccount(tx: EntityManager | DataSource, name: string): Promise<Account | undefined> {
  if (name.includes('\0')) return undefined;
  return name.startsWith(ROBOT_PREFIX)
    ? await readRobot(tx, name.slice(ROBOT_PREFIX.length))
    : await readUser(tx, 'u.username = $1', name);
}

/** The active user with this id, for sessions. */
export async function readUserById(
  tx: EntityManager | DataSource,
  id: number,
): Promise<Account<UserPrincipal> | undefined> {
  return await readUser(tx, 'u.id = $1', id);
}

/** Who is behind a name, cached until the account changes. */
export class Accounts {
  private readonly cache: AccessCache<{ readonly account: Account | undefined }>;

  constructor(
    private readonly source: DataSource,
    changes: AccessChanges,
  ) {
    this.cache = new AccessCache(changes, 'identity');
  }

  /** The active principal of this name. */
  async active(name: string): Promise<UserPrincipal | RobotPrincipal | undefined> {
    const { account } = await this.cache.load(name, async () => {
      const found = await readAccount(this.source, name);
      return { value: { account: found }, account: found ? accountId(found.principal) : null };
    });
    return account && isCurrent(account.principal) ? account.principal : undefined;
  }
}

/** The user account whose changes matter to a principal: its own, or a robot's owner's. */
export function accountId(principal: UserPrincipal | RobotPrincipal): number {
  return principal.kind === 'user' ? principal.id : principal.owner.id;
}

/** False once a robot has expired. */
export function isCurrent(principal: UserPrincipal | RobotPrincipal, now = Date.now()): boolean {
  return principal.kind === 'user' || principal.expiresAt === null || principal.expiresAt.getTime() > now;
}

async function readUser(
  tx: EntityManager | DataSource,
  condition: string,
  value: unknown,
): Promise<Account<UserPrincipal> | undefined> {
  const [row] = await rowsOf<UserRow>(
    tx,
    `select ${USER_FIELDS} from user_account u where ${condition} and u.is_active`,
    [value],
  );
  return row && { principal: userPrincipal(row), secretHash: row.password_hash };
}

async function readRobot(tx: EntityManager | DataSource, name: string): Promise<Account<RobotPrincipal> | undefined> {
  const [row] = await rowsOf<RobotRow>(
    tx,
    `select ${USER_FIELDS}, r.id as robot_id, r.name, r.secret_hash, r.scopes, r.expires_at
       from robot_account r join user_account u on u.id = r.owner_id
      where r.name = $1 and r.revoked_at is null and (r.expires_at is null or r.expires_at > now()) and u.is_active`,
    [name],
  );
  return row && { principal: robotPrincipal(row), secretHash: row.secret_hash };
}

function userPrincipal(row: UserRow): UserPrincipal {
  return {
    kind: 'user',
    id: row.id,
    username: row.username,
    isSuperuser: row.is_superuser,
    groups: row.groups,
    stamp: `u${row.id}.${row.token_generation}`,
  };
}

function robotPrincipal(row: RobotRow): RobotPrincipal {
  const owner = userPrincipal(row);
  return {
    kind: 'robot',
    id: row.robot_id,
    username: `${ROBOT_PREFIX}${row.name}`,
    isSuperuser: false,
    groups: [],
    scopes: row.scopes,
    owner,
    expiresAt: row.expires_at,
    stamp: `r${row.robot_id}.${owner.stamp}`,
  };
}
