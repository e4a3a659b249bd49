import { randomBytes } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { notFound } from '#platform/domain-error.js';
import { PasswordHasher } from './password-hashing.js';
import { UserAccount } from './user.entity.js';
import { createUser, updateUser } from './users.js';

/** The account that the first start makes. */
export const ADMIN = 'admin';

// One lock for everything that is made at first start, whichever process comes first.
const FIRST_START_LOCK = 72_469_001;

/** Lets one process at a time do the work of a first start. */
export async function lockFirstStart(tx: EntityManager): Promise<void> {
  await tx.query('select pg_advisory_xact_lock($1)', [FIRST_START_LOCK]);
}

/** Makes the superuser `admin` when there are no accounts yet; returns the password when it had to make one up. */
export async function ensureAdmin(
  source: DataSource,
  password?: string,
  hasher = new PasswordHasher(),
): Promise<string | undefined> {
  if (await source.manager.exists(UserAccount)) return undefined;
  const chosen = password ?? generatePassword();
  const passwordHash = await hasher.hash(chosen);
  const made = await source.transaction(async (tx) => {
    await lockFirstStart(tx);
    if (await tx.exists(UserAccount)) return false;
    await createUser(tx, { username: ADMIN, passwordHash, isSuperuser: true, isStaff: true });
    return true;
  });
  return made && password === undefined ? chosen : undefined;
}

/** Gives an account a new password, for the operator at the terminal; `admin` gets its rights back too. Returns it when made up. */
export async function resetPassword(
  source: DataSource,
  username = ADMIN,
  password?: string,
  hasher = new PasswordHasher(),
): Promise<string | undefined> {
  const chosen = password ?? generatePassword();
  const passwordHash = await hasher.hash(chosen);
  await source.transaction(async (tx) => {
    const user = await tx.findOneBy(UserAccount, { username });
    const rights = username === ADMIN ? { isSuperuser: true, isStaff: true, isActive: true } : {};
    if (user) await updateUser(tx, user.id, { passwordHash, ...rights });
    else if (username === ADMIN) await createUser(tx, { username, passwordHash, ...rights });
    else throw notFound(`There is no user named ${username}.`);
  });
  return password === undefined ? chosen : undefined;
}

function generatePassword(): string {
  return randomBytes(15).toString('base64url');
}
