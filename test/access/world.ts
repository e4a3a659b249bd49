import { ChangeFeed } from '#platform/change-feed.js';
import { AccessChanges } from '#access/access-changes.js';
import { Accounts } from '#access/accounts.js';
import { Authenticator } from '#access/authenticator.js';
import { PasswordHasher } from '#access/password-hashing.js';
import { Permissions } from '#access/permissions.js';
import type { UserPrincipal } from '#access/principal.js';
import { RobotUse } from '#access/robot-use.js';
import { seedRoles } from '#access/roles.js';
import { TokenIssuer } from '#access/token-issuer.js';
import { ensureTokenKey, TokenKeys } from '#access/token-keys.js';
import { TokenVerifier } from '#access/token-verifier.js';
import { createUser } from '#access/users.js';
import { createTestDatabase, type TestDatabase } from '../database.js';

/** Settings of tokens in these tests. */
export const SETTINGS = { publicUrl: 'https://hub.example:8443', publicHost: 'hub.example:8443', tokenLifetime: 300 };

/** A cheap hash, so that tests do not wait. */
export const fastHasher = () =>
  new PasswordHasher({
    options: { algorithm: 2, memoryCost: 1024, timeCost: 1, parallelism: 1 },
    parallel: 4,
    waiting: 64,
  });

/** One process: a change feed and the services on top of it. */
export type Instance = Awaited<ReturnType<typeof startInstance>>;

/** Starts what one process has of access, on a database that others may share. */
export async function startInstance(database: TestDatabase) {
  const { source } = database;
  const feed = new ChangeFeed(database.url);
  const changes = new AccessChanges(feed);
  await feed.start();
  const hasher = fastHasher();
  const robotUse = new RobotUse(source);
  const accounts = new Accounts(source, changes);
  const keys = new TokenKeys(source, changes);
  return {
    feed,
    changes,
    hasher,
    robotUse,
    accounts,
    keys,
    authenticator: new Authenticator(source, changes, { hasher, robotUse }),
    permissions: new Permissions(source, changes),
    issuer: new TokenIssuer(keys, SETTINGS),
    verifier: new TokenVerifier(keys, accounts, changes, SETTINGS),
  };
}

/** A database with roles, a token key and two processes on it. */
export async function startWorld() {
  const database = await createTestDatabase();
  await database.source.transaction(seedRoles);
  await ensureTokenKey(database.source);
  const [one, other] = [await startInstance(database), await startInstance(database)];
  return {
    database,
    source: database.source,
    one,
    other,
    async stop() {
      await one.feed.stop();
      await other.feed.stop();
      await database.drop();
    },
  };
}

/** What {@link startWorld} gives. */
export type World = Awaited<ReturnType<typeof startWorld>>;

/** An `Authorization: Basic` header. */
export const basic = (name: string, password: string) =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

/** Makes a user with a password; `admin: true` makes a superuser. */
export async function makeUser(world: World, username: string, password = 'pass-word', admin = false) {
  const passwordHash = await world.one.hasher.hash(password);
  return await world.source.transaction((tx) => createUser(tx, { username, passwordHash, isSuperuser: admin }));
}

/** Signs in at a process. */
export async function signIn(instance: Instance, name: string, password = 'pass-word'): Promise<UserPrincipal> {
  return (await instance.authenticator.authenticate(basic(name, password), '10.0.0.1')) as UserPrincipal;
}

/** Waits until the change feed brought what was committed. */
export async function heard(world: World): Promise<void> {
  const seen = [world.one, world.other].map(
    ({ feed }) =>
      new Promise<void>((done) => {
        const stop = feed.onChange(({ topic }) => {
          if (topic !== 'ping') return;
          stop();
          done();
        });
      }),
  );
  await world.source.query(`select pg_notify('hallmark_change', 'ping x')`);
  await Promise.all(seen);
}
