import { randomBytes, randomUUID } from 'node:crypto';

/** A new UUIDv7 (RFC 9562): sorts by time of making, to the millisecond. */
export function newId(now = Date.now()): string {
  const time = now.toString(16).padStart(12, '0');
  // What a version 4 has behind its version is random here too, and comes from a pool.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** True for the text form of any UUID. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** A new correlation id: 32 hex digits. */
export function newCorrelationId(): string {
  return randomBytes(16).toString('hex');
}
