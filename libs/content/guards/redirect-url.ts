import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { posix } from 'node:path';
import { forbidden } from '#platform/domain-error.js';

/** How long a URL lets its holder pass. */
const LIFETIME_SECONDS = 3600;

/** A path with query that a content redirect guard lets pass for an hour. */
export function signRedirect(url: string, secret: Buffer, now = Date.now()): string {
  const [path = '', query = ''] = url.split('?', 2);
  const expires = Math.floor(now / 1000) + LIFETIME_SECONDS;
  const signed = `${query === '' ? '' : `${query}&`}expires=${expires}`;
  const salt = randomBytes(32);
  const digest = digestOf(salt, path, signed, secret);
  return `${path}?${signed}&validate_token=${salt.toString('hex')}:${digest.toString('hex')}`;
}

/** Throws `forbidden` unless the URL was made by {@link signRedirect} with this secret and its time is not over. */
export function requireSignedRedirect(url: string, secret: Buffer, now = Date.now()): void {
  const match = /^([^?]*)\?(.*)&validate_token=([0-9a-f]{64}):([0-9a-f]{64})$/.exec(url);
  if (!match) throw forbidden('Access not authenticated');
  const [, path = '', query = '', salt = '', digest = ''] = match;
  const expected = digestOf(Buffer.from(salt, 'hex'), path, query, secret);
  if (!timingSafeEqual(expected, Buffer.from(digest, 'hex'))) throw forbidden('Access not authenticated');
  const expires = Number(/(?:^|&)expires=(\d{1,12})$/.exec(query)?.[1] ?? 0);
  if (expires * 1000 < now) throw forbidden('Authentication expired');
}

function digestOf(salt: Buffer, path: string, query: string, secret: Buffer): Buffer {
  return createHash('sha256')
    .update(salt)
    .update(`${posix.normalize(path)}?${query}`)
    .update(secret)
    .digest();
}
