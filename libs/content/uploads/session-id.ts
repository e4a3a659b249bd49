import { hash, randomInt, timingSafeEqual } from 'node:crypto';
import type { DigestAlgorithm } from '#oci/digest.js';
import { isUuid } from '#platform/identifiers.js';

/** Whose a session is: it is worth nothing in another repository or to somebody else. */
export interface UploadOwner {
  readonly repositoryId: string;
  /** `user:1`, `robot:…`, `anonymous`. */
  readonly principal: string;
}

/** What the id of a session says by itself. */
export interface SessionStart {
  readonly algorithm: DigestAlgorithm;
  /** Milliseconds since 1970, to the second. */
  readonly at: number;
}

/**
 * A UUIDv8 (RFC 9562) that nobody without a secret of ours can make: 32 bits of seconds, 28 that no other session of this
 * second has, and 62 that sign these, the hash and the owner. A session needs no row until it has bytes, for each process
 * sees by its id that it was started.
 */
export function makeSessionId(
  secret: string,
  owner: UploadOwner,
  algorithm: DigestAlgorithm,
  now = Date.now(),
): string {
  sequence = (sequence + 1) % 2 ** 28;
  const time = digits(Math.floor(now / 1000) % 2 ** 32, 8);
  const count = digits(sequence, 7);
  const start = `${time}-${count.slice(0, 4)}-8${count.slice(4)}-`;
  return start + signature(secret, owner, start, algorithm === 'sha512');
}

/** Reads an id that was made with one of the secrets for this owner; undefined for all others. */
export function readSessionId(secrets: readonly string[], id: string, owner: UploadOwner): SessionStart | undefined {
  if (!isUuid(id)) return undefined;
  const [start, signed] = [id.slice(0, START), Buffer.from(id.slice(START))];
  for (const sha512 of [false, true])
    if (secrets.some((secret) => timingSafeEqual(Buffer.from(signature(secret, owner, start, sha512)), signed)))
      return { algorithm: sha512 ? 'sha512' : 'sha256', at: Number.parseInt(id.slice(0, 8), 16) * 1000 };
  return undefined;
}

/** Characters in front of the signature. */
const START = 19;

/** Where this process stands; others began elsewhere. */
let sequence = randomInt(2 ** 28);

const digits = (value: number, length: number) => value.toString(16).padStart(length, '0');

/**
 * The end of an id. So short a part of a hash with a secret in front cannot be carried on to other text, which is what an
 * HMAC, at five times its cost, is for.
 */
function signature(secret: string, { repositoryId, principal }: UploadOwner, start: string, sha512: boolean): string {
  const hex = hash('sha256', `${secret} ${start}${sha512} ${repositoryId} ${principal}`);
  const variant = 8 | (Number.parseInt(hex[0]!, 16) & 3);
  return `${variant.toString(16)}${hex.slice(1, 4)}-${hex.slice(4, 16)}`;
}
