import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { readUserById } from './accounts.js';
import { hashSecret } from './authenticator.js';
import type { UserPrincipal } from './principal.js';
import { Session } from './session.entity.js';
import { UserAccount } from './user.entity.js';

/** How long a sign-in of the browser lasts: two weeks. */
export const SESSION_SECONDS = 1_209_600;

/** Begins a session and returns the cookie's value; sessions that ran out are swept away. */
export async function createSession(tx: EntityManager, userId: number): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  const expiresAt = new Date(Date.now() + SESSION_SECONDS * 1000);
  await tx.query('delete from session where expires_at < now()');
  await tx.insert(Session, { tokenHash: hashSecret(token), userId, expiresAt });
  await tx.update(UserAccount, { id: userId }, { lastLogin: new Date() });
  return token;
}

/** What a page of ours sends along with changes, and no other site knows: it follows from the session. */
export function csrfTokenOf(session: string): string {
  return createHash('sha256').update(`csrf ${session}`).digest('base64url');
}

/** True when a token is the session's. */
export function isCsrfTokenOf(session: string, token: string): boolean {
  const [expected, given] = [Buffer.from(csrfTokenOf(session)), Buffer.from(token)];
  return expected.length === given.length && timingSafeEqual(expected, given);
}

/** The active user of a session; undefined when the session is unknown or over. */
export async function sessionUser(source: DataSource, token: string): Promise<UserPrincipal | undefined> {
  const [row] = await rowsOf<{ user_id: number }>(
    source,
    'select user_id from session where token_hash = $1 and expires_at > now()',
    [hashSecret(token)],
  );
  return row && (await readUserById(source, row.user_id))?.principal;
}

/** Ends a session; ending one that is over is fine. */
export async function endSession(tx: EntityManager, token: string): Promise<void> {
  await tx.delete(Session, { tokenHash: hashSecret(token) });
}
