import { MediaType } from '#oci/media-types.js';
import { parseCose } from './cose-envelope.js';
import { MAX_ENVELOPE_BYTES, refuse, type Envelope } from './envelope.js';
import { parseJws } from './jws-envelope.js';

/** First byte of a COSE_Sign1 message: CBOR tag 18. */
const COSE_FIRST_BYTE = 0xd2;

/** The storage scheme that bytes look like; JWS when they are neither. */
export function schemeOfBytes(bytes: Uint8Array): 'notation:jws' | 'notation:cose' {
  return bytes[0] === COSE_FIRST_BYTE ? 'notation:cose' : 'notation:jws';
}

/** Reads an envelope of either format; throws a `DomainError` with a code of the common list. */
export function readEnvelope(bytes: Uint8Array, mediaType?: string): Envelope {
  if (bytes.length > MAX_ENVELOPE_BYTES) throw refuse('The signature is larger than 4 MiB.', 'RESOURCE_LIMIT');
  const envelope = schemeOfBytes(bytes) === 'notation:cose' ? parseCose(bytes) : parseJws(bytes);
  if (mediaType !== undefined && mediaType !== envelope.mediaType)
    throw refuse(`The signature is not of type ${mediaType}.`);
  return envelope;
}

/** The storage scheme of an envelope. */
export function schemeOf(envelope: Envelope): 'notation:jws' | 'notation:cose' {
  return envelope.mediaType === MediaType.cose ? 'notation:cose' : 'notation:jws';
}
