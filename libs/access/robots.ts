import { randomBytes } from 'node:crypto';
import { IsNull, type EntityManager } from 'typeorm';
import { isUniqueViolation } from '#platform/database.js';
import { invalid, notFound } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { announceIdentity } from './access-changes.js';
import { hashSecret } from './authenticator.js';
import { RobotAccount } from './robot-account.entity.js';
import { checkScopes, type RobotScope } from './robot-scope.js';

/** What a new robot account is made of. */
export interface NewRobot {
  readonly name: string;
  readonly ownerId: number;
  readonly scopes: readonly RobotScope[];
  readonly expiresAt?: Date | null;
}

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$/;

/** Makes a robot account; the secret is in the answer and nowhere else. It never may more than its owner. */
export async function createRobot(
  tx: EntityManager,
  { name, ownerId, scopes, expiresAt = null }: NewRobot,
): Promise<{ readonly robot: RobotAccount; readonly secret: string }> {
  if (!NAME.test(name))
    throw invalid('Enter 1 to 100 lower case letters, digits, dots, dashes or underscores as the name.', 'name');
  if (expiresAt !== null && !(expiresAt.getTime() > Date.now()))
    throw invalid('The time of expiry has to be in the future.', 'expires_at');
  checkScopes(scopes);
  const secret = `hmk_${randomBytes(32).toString('base64url')}`;
  const robot = tx.create(RobotAccount, {
    id: newId(),
    name,
    ownerId,
    scopes: scopes.map(({ repository, actions }) => ({ repository, actions: [...new Set(actions)] })),
    expiresAt,
    secretHash: hashSecret(secret),
    revokedAt: null,
    lastUsed: null,
  });
  try {
    await tx.insert(RobotAccount, robot);
  } catch (error) {
    if (isUniqueViolation(error)) throw invalid('This field must be unique.', 'name');
    throw error;
  }
  await announceIdentity(tx, ownerId);
  return { robot, secret };
}

/** Ends a robot account for good: its secret and its tokens stop working at once in all processes. */
export async function revokeRobot(tx: EntityManager, id: string): Promise<void> {
  const robot = await tx.findOneBy(RobotAccount, { id });
  if (!robot) throw notFound('No RobotAccount matches the given query.');
  await tx.update(RobotAccount, { id, revokedAt: IsNull() }, { revokedAt: new Date() });
  await announceIdentity(tx, robot.ownerId);
}
