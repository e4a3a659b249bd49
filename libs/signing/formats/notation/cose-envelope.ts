import { decode, encode, Tag } from 'cbor2';
import { MediaType } from '#oci/media-types.js';
import { algorithmOfCose, type Algorithm } from './algorithms.js';
import { checkLabels, EPOCH_TAG } from './cose-labels.js';
import { Header, refuse, type Envelope } from './envelope.js';
import { checkProtectedHeader } from './header-rules.js';

/** Labels of COSE header parameters (RFC 9052, RFC 9360). */
export const Label = { algorithm: 1, critical: 2, contentType: 3, x5chain: 33 } as const;
/** The CBOR tag of COSE_Sign1. */
export const SIGN1_TAG = 18;

const STRICT = {
  rejectDuplicateKeys: true,
  rejectStreaming: true,
  requirePreferred: true,
  maxDepth: 16,
  ignoreGlobalTags: true,
  preferMap: true,
};

type Labels = ReadonlyMap<unknown, unknown>;

const KNOWN = new Set<unknown>([
  Label.algorithm,
  Label.critical,
  Label.contentType,
  Header.scheme,
  Header.signingTime,
  Header.authenticSigningTime,
  Header.expiry,
]);

/** Reads a COSE_Sign1 envelope (RFC 9052, section 4.2). */
export function parseCose(bytes: Uint8Array): Envelope {
  const message = readCbor(bytes, 'The COSE envelope');
  const parts = message instanceof Tag && Number(message.tag) === SIGN1_TAG ? message.contents : undefined;
  if (!Array.isArray(parts) || parts.length !== 4)
    throw refuse('The COSE envelope must be a tagged COSE_Sign1 message.');
  const [rawHeader, header, payload, signature] = parts as unknown[];
  if (!isBytes(rawHeader) || !isBytes(payload) || !isBytes(signature) || !(header instanceof Map)) {
    throw refuse('The parts of the COSE_Sign1 message have wrong types.');
  }
  if (payload.length === 0 || signature.length === 0) throw refuse('The payload and the signature must not be empty.');
  const protectedHeader = readCbor(rawHeader, 'The protected header');
  if (!(protectedHeader instanceof Map)) throw refuse('The protected header must be a CBOR map.');
  for (const label of header.keys()) {
    if (protectedHeader.has(label)) throw refuse(`The header "${String(label).slice(0, 80)}" appears twice.`);
  }
  checkLabels(protectedHeader, header);
  return {
    mediaType: MediaType.cose,
    algorithm: algorithmOf(protectedHeader.get(Label.algorithm)),
    ...checkHeader(protectedHeader),
    ...unprotectedOf(header),
    payload,
    signature,
    signedBytes: sigStructure(rawHeader, payload),
  };
}

/** The bytes that a COSE_Sign1 signature is made over; the protected header exactly as it is stored. */
export function sigStructure(rawHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  return encode(['Signature1', plain(rawHeader), new Uint8Array(), plain(payload)]);
}

/** The same bytes outside of a `Buffer`, which the CBOR library would write as the object of its `toJSON`. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function checkHeader(header: Labels) {
  const signingTime = timeOf(header, Header.signingTime);
  const authenticSigningTime = timeOf(header, Header.authenticSigningTime);
  const expiry = timeOf(header, Header.expiry);
  return checkProtectedHeader({
    contentType: header.get(Label.contentType),
    critical: header.get(Label.critical),
    scheme: header.get(Header.scheme),
    ...(signingTime ? { signingTime } : {}),
    ...(authenticSigningTime ? { authenticSigningTime } : {}),
    ...(expiry ? { expiry } : {}),
    containerNames: new Set([...KNOWN].filter((label) => header.has(label)).map(String)),
    extended: new Map(
      [...header].filter(([label]) => !KNOWN.has(label)).map(([label, value]) => [String(label), value]),
    ),
  });
}

function unprotectedOf(header: Labels): Pick<Envelope, 'certificates' | 'signingAgent' | 'timestampSignature'> {
  const chain = header.get(Label.x5chain);
  if (!Array.isArray(chain) || chain.length === 0 || !chain.every(isBytes)) {
    throw refuse('The header x5chain must be a list of certificates.');
  }
  // Like notation, takes what is of another type for not there.
  const agent = header.get(Header.signingAgent);
  const token = header.get(Header.timestamp);
  return {
    certificates: chain,
    ...(typeof agent === 'string' && agent !== '' ? { signingAgent: agent } : {}),
    ...(isBytes(token) && token.length > 0 ? { timestampSignature: token } : {}),
  };
}

function algorithmOf(id: unknown): Algorithm {
  const algorithm = algorithmOfCose(id);
  if (algorithm) return algorithm;
  throw refuse(
    `The algorithm ${String(id).slice(0, 20)} is not one of PS256 to PS512, ES256 to ES512.`,
    'UNSUPPORTED_ALGORITHM',
  );
}

function timeOf(header: Labels, name: string): Date | undefined {
  const value = header.get(name);
  if (value === undefined) return undefined;
  const seconds = value instanceof Tag && Number(value.tag) === EPOCH_TAG ? value.contents : undefined;
  const time = typeof seconds === 'number' ? new Date(seconds * 1000) : undefined;
  if (!time || Number.isNaN(time.getTime())) throw refuse(`The header ${name} must be an epoch time (CBOR tag 1).`);
  return time;
}

function readCbor(bytes: Uint8Array, what: string): unknown {
  try {
    return decode(bytes, STRICT);
  } catch (error) {
    throw refuse(`${what} is not strict CBOR: ${error instanceof Error ? error.message.slice(0, 200) : 'unreadable'}.`);
  }
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}
