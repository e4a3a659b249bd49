import type { Principal } from '#access/principal.js';
import { heard, makeUser, SETTINGS, signIn, startWorld, type Instance } from './world.js';

/** Rights that the tokens of {@link startTokenWorld} carry. */
export const ACCESS = [{ type: 'repository', name: 'team/app', actions: ['pull'] }];

/** How a token that does not hold is refused, whatever is wrong with it. */
export const REFUSED = {
  kind: 'unauthenticated',
  message: 'Access to the requested resource is not authorized. The provided Bearer token is invalid.',
};

/** One part of a token, read without checking. */
export const readPart = (segment: string) => JSON.parse(Buffer.from(segment, 'base64url').toString());

/** Two processes and the user `ann`; tokens are issued by one process and checked by the other. */
export async function startTokenWorld() {
  const world = await startWorld();
  await makeUser(world, 'ann');
  await heard(world);
  const ann = await signIn(world.one, 'ann');
  return {
    ...world,
    ann,
    issue: async (principal: Principal = ann) =>
      (await world.one.issuer.issue(principal, SETTINGS.publicHost, ACCESS)).token,
    check: (token: string, at: Instance = world.other) => at.verifier.verify(`Bearer ${token}`),
  };
}

/** What {@link startTokenWorld} gives. */
export type TokenWorld = Awaited<ReturnType<typeof startTokenWorld>>;
