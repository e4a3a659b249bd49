import { MediaType } from '#oci/media-types.js';
import { decodeBase64 } from '../base64.js';
import { isCalendarTime } from '../calendar-time.js';
import { isObject, type JsonObject, readObject } from '../strict-object.js';
import { isAlgorithm, type Algorithm } from './algorithms.js';
import { Header, refuse, type Envelope } from './envelope.js';
import { checkProtectedHeader } from './header-rules.js';
import { refuseOtherCase } from './member-names.js';

const LIMITS = { depth: 16 };

const MEMBERS: ReadonlySet<string> = new Set(['payload', 'protected', 'header', 'signature']);
/** What a verdict rests on; the agent's name was once written with a capital. */
const UNPROTECTED: ReadonlySet<string> = new Set(['x5c', Header.timestamp]);
const KNOWN: ReadonlySet<string> = new Set([
  'alg',
  'cty',
  'crit',
  Header.scheme,
  Header.signingTime,
  Header.authenticSigningTime,
  Header.expiry,
]);

/** Reads a JWS envelope in flattened JSON serialisation (RFC 7515, section 7.2.2). */
export function parseJws(bytes: Uint8Array): Envelope {
  const document = readObject(bytes, 'The JWS envelope', 'MALFORMED_ENVELOPE', LIMITS);
  refuseOtherCase(document, MEMBERS, 'The JWS envelope');
  if ('signatures' in document) throw refuse('The JWS envelope must use the flattened form with one signature.');
  const encodedPayload = textOf(document, 'payload');
  const encodedHeader = textOf(document, 'protected');
  const protectedHeader = readObject(
    base64url(encodedHeader, 'protected'),
    'The protected header',
    'MALFORMED_ENVELOPE',
    LIMITS,
  );
  refuseOtherCase(protectedHeader, KNOWN, 'The protected header');
  const { header } = document;
  if (!isObject(header)) throw refuse('The unprotected header must be a JSON object.');
  refuseOtherCase(header, UNPROTECTED, 'The unprotected header');
  for (const name of Object.keys(header)) {
    if (Object.hasOwn(protectedHeader, name)) throw refuse(`The header "${name.slice(0, 80)}" appears twice.`);
  }
  const payload = base64url(encodedPayload, 'payload');
  const signature = base64url(textOf(document, 'signature'), 'signature');
  if (payload.length === 0 || signature.length === 0) throw refuse('The payload and the signature must not be empty.');
  return {
    mediaType: MediaType.jose,
    algorithm: algorithmOf(protectedHeader['alg']),
    ...checkProtectedHeader({
      contentType: protectedHeader['cty'],
      critical: protectedHeader['crit'],
      scheme: protectedHeader[Header.scheme],
      ...times(protectedHeader),
      containerNames: new Set(),
      extended: new Map(Object.entries(protectedHeader).filter(([name]) => !KNOWN.has(name))),
    }),
    ...unprotectedOf(header),
    payload,
    signature,
    signedBytes: Buffer.from(`${encodedHeader}.${encodedPayload}`, 'ascii'),
  };
}

function times(header: JsonObject) {
  const signingTime = timeOf(header, Header.signingTime);
  const authenticSigningTime = timeOf(header, Header.authenticSigningTime);
  const expiry = timeOf(header, Header.expiry);
  return {
    ...(signingTime ? { signingTime } : {}),
    ...(authenticSigningTime ? { authenticSigningTime } : {}),
    ...(expiry ? { expiry } : {}),
  };
}

function unprotectedOf(header: JsonObject): Pick<Envelope, 'certificates' | 'signingAgent' | 'timestampSignature'> {
  const chain = header['x5c'];
  if (!Array.isArray(chain) || chain.length === 0) throw refuse('The header "x5c" must hold the certificate chain.');
  const agent = header[Header.signingAgent] ?? '';
  if (typeof agent !== 'string') throw refuse(`The header ${Header.signingAgent} must be a text.`);
  const token = header[Header.timestamp] ?? '';
  return {
    certificates: chain.map((certificate) => base64(certificate, 'x5c')),
    ...(agent ? { signingAgent: agent } : {}),
    ...(token === '' ? {} : { timestampSignature: base64(token, Header.timestamp) }),
  };
}

function algorithmOf(name: unknown): Algorithm {
  if (isAlgorithm(name)) return name;
  throw refuse(
    `The algorithm ${typeof name === 'string' ? name.slice(0, 20) : typeof name} is not one of PS256, PS384, PS512, ES256, ES384, ES512.`,
    'UNSUPPORTED_ALGORITHM',
  );
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;
/** What programs written in Go write when there is no time. */
const ZERO_TIME = '0001-01-01T00:00:00Z';

function timeOf(header: JsonObject, name: string): Date | undefined {
  const value = header[name] ?? ZERO_TIME;
  if (value === ZERO_TIME) return undefined;
  const match = typeof value === 'string' ? RFC3339.exec(value) : undefined;
  const time = match && isCalendarTime(match[1]!) ? new Date(match[0]) : undefined;
  if (!time || Number.isNaN(time.getTime())) throw refuse(`The header ${name} must be a time in RFC 3339 form.`);
  return time;
}

function textOf(document: JsonObject, name: string): string {
  const value = document[name];
  if (typeof value !== 'string') throw refuse(`The member "${name}" of the JWS envelope must be a text.`);
  return value;
}

function base64url(text: string, name: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw refuse(`The member "${name}" is not base64url without padding.`);
  return bytes;
}

function base64(text: unknown, name: string): Buffer {
  const bytes = decodeBase64(text);
  if (!bytes || bytes.length === 0) throw refuse(`The header "${name}" is not base64.`);
  return bytes;
}
