import type { EntityManager } from 'typeorm';
import { isUniqueViolation, rowsOf } from '#platform/database.js';
import { conflict, invalid, notFound } from '#platform/domain-error.js';
import { announceIdentity } from './access-changes.js';
import { UserAccount } from './user.entity.js';

/** What callers may set on an account. `passwordHash` comes from a {@link PasswordHasher}, before the transaction. */
export interface UserFields {
  readonly username: string;
  readonly passwordHash: string | null;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  readonly isActive: boolean;
}

const USERNAME = /^[\p{L}\p{N}_.@+-]+$/u;
const SHORTEST_PASSWORD = 8;
const LONGEST_PASSWORD = 1024;

/** Refuses passwords that are too easy to guess or too long to be one. */
export function checkPassword(password: string): void {
  if (password.length < SHORTEST_PASSWORD)
    throw invalid(`This password is too short. It must contain at least ${SHORTEST_PASSWORD} characters.`, 'password');
  if (password.length > LONGEST_PASSWORD)
    throw invalid(`This password is too long. It may have at most ${LONGEST_PASSWORD} characters.`, 'password');
  if (/^\d+$/.test(password)) throw invalid('This password is entirely numeric.', 'password');
}

/** Makes an account. */
export async function createUser(
  tx: EntityManager,
  fields: Partial<UserFields> & Pick<UserFields, 'username'>,
): Promise<UserAccount> {
  checkUsername(fields.username);
  const user = await unique(() => tx.save(tx.create(UserAccount, { passwordHash: null, ...fields })));
  await announceIdentity(tx, user.id);
  return await getUser(tx, user.id);
}

/** One account. */
export async function getUser(tx: EntityManager, id: number): Promise<UserAccount> {
  const user = await tx.findOneBy(UserAccount, { id });
  if (!user) throw notFound('No User matches the given query.');
  return user;
}

/** Changes an account; whoever loses rights or gets a new password loses sessions and tokens at once. */
export async function updateUser(tx: EntityManager, id: number, changes: Partial<UserFields>): Promise<UserAccount> {
  if (changes.username !== undefined) checkUsername(changes.username);
  const admins = await lockAdmins(tx);
  const before = await getUser(tx, id);
  const after: UserFields = Object.assign({}, before, changes);
  if (admins.includes(id) && !canAdminister(after)) refuseLast(admins, before.username);
  const weaker =
    (before.isSuperuser && !after.isSuperuser) ||
    (before.isActive && !after.isActive) ||
    before.passwordHash !== after.passwordHash ||
    before.username !== after.username;
  if (Object.keys(changes).length > 0) await unique(() => tx.update(UserAccount, { id }, changes));
  if (weaker) await endSignIns(tx, id);
  await announceIdentity(tx, id);
  return await getUser(tx, id);
}

/** Removes an account with its roles, sessions and robot accounts. */
export async function deleteUser(tx: EntityManager, id: number): Promise<void> {
  const admins = await lockAdmins(tx);
  const user = await getUser(tx, id);
  if (admins.includes(id)) refuseLast(admins, user.username);
  await tx.delete(UserAccount, { id });
  await announceIdentity(tx, id);
}

/** Makes tokens that were issued to these users worthless; call it when rights are taken away. */
export async function expireTokens(tx: EntityManager, users: readonly number[]): Promise<void> {
  if (users.length === 0) return;
  await tx.query('update user_account set token_generation = token_generation + 1 where id = any($1)', [users]);
  for (const user of users) await announceIdentity(tx, user);
}

/** Ids of those who can administer, locked so that two cannot remove each other. */
async function lockAdmins(tx: EntityManager): Promise<number[]> {
  const rows = await rowsOf<{ id: number }>(
    tx,
    `select id from user_account where is_superuser and is_active and password_hash is not null order by id for update`,
  );
  return rows.map(({ id }) => id);
}

function canAdminister(user: UserFields): boolean {
  return user.isSuperuser && user.isActive && user.passwordHash !== null;
}

function refuseLast(admins: readonly number[], username: string): void {
  if (admins.length > 1) return;
  throw conflict(
    `${username} is the last active superuser with a password; make another one before changing this.`,
    'LAST_ADMIN',
  );
}

async function endSignIns(tx: EntityManager, id: number): Promise<void> {
  await tx.query('delete from session where user_id = $1', [id]);
  await expireTokens(tx, [id]);
}

function checkUsername(username: string): void {
  if (username === '') throw invalid('This field may not be blank.', 'username');
  if (username.length > 150) throw invalid('Ensure this field has no more than 150 characters.', 'username');
  if (!USERNAME.test(username))
    throw invalid(
      'Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.',
      'username',
    );
}

async function unique<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (isUniqueViolation(error)) throw invalid('This field must be unique.', 'username');
    throw error;
  }
}
