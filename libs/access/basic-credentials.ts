import { unauthenticated } from '#platform/domain-error.js';

/** A name and what proves it. */
export interface BasicCredentials {
  readonly username: string;
  readonly password: string;
}

const LONGEST_HEADER = 8192;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Name and password of an `Authorization: Basic` header (RFC 7617); undefined for no header, another scheme, and the empty
 * name with the empty password that some clients send for nobody.
 */
export function basicCredentials(authorization: string | undefined): BasicCredentials | undefined {
  if (authorization === undefined || !/^basic(?:\s|$)/i.test(authorization)) return undefined;
  const parts = authorization.trim().split(/\s+/);
  if (parts.length === 1) throw unauthenticated('Invalid basic header. No credentials provided.');
  if (parts.length > 2) throw unauthenticated('Invalid basic header. Credentials string should not contain spaces.');
  const text = decode(parts[1]!);
  const colon = text.indexOf(':');
  if (colon < 0) throw malformed();
  if (text === ':') return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function decode(encoded: string): string {
  if (encoded.length > LONGEST_HEADER || !BASE64.test(encoded)) throw malformed();
  return Buffer.from(encoded, 'base64').toString('utf8');
}

function malformed() {
  return unauthenticated('Invalid basic header. Credentials not correctly base64 encoded.');
}
