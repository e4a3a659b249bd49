import { MediaType } from '#oci/media-types.js';
import { decodeBase64 } from '../base64.js';
import { refusal } from '../refusal.js';
import { isObject, readObject, type JsonObject } from '../strict-object.js';

/** A DSSE envelope with its one signature. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signature: Buffer;
  /** A lookup help only: nothing signs it. */
  readonly keyid?: string;
}

/** The bytes that a DSSE signature covers (DSSE v1, "PAE"). */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `), payload]);
}

/** Reads the bytes of an envelope strictly. */
export function readEnvelope(bytes: Uint8Array): Envelope {
  return envelopeOf(readObject(bytes, 'the DSSE envelope', 'MALFORMED_ENVELOPE'));
}

/** The envelope in a parsed document; exactly one signature, and an in-toto payload. */
export function envelopeOf(document: JsonObject): Envelope {
  const { payloadType, signatures } = document;
  const payload = decodeBase64(document['payload']);
  if (typeof payloadType !== 'string' || payload === undefined || payload.length === 0)
    throw refusal('MALFORMED_ENVELOPE', 'the DSSE envelope needs a payloadType and a payload in standard base64');
  if (payloadType !== MediaType.inToto)
    throw refusal('UNSUPPORTED_FORMAT', `the DSSE payload is "${payloadType}"; only ${MediaType.inToto} is read`);
  if (!Array.isArray(signatures) || signatures.length === 0)
    throw refusal('NO_SIGNATURE', 'the DSSE envelope has no signature');
  if (signatures.length > 1)
    throw refusal(
      'MULTIPLE_SIGNATURES',
      `the DSSE envelope has ${signatures.length} signatures; exactly one is allowed`,
    );
  const [entry] = signatures as unknown[];
  const signature = isObject(entry) ? decodeBase64(entry['sig']) : undefined;
  if (signature === undefined || signature.length === 0)
    throw refusal('MALFORMED_ENVELOPE', 'the signature in the DSSE envelope is not standard base64');
  const keyid = (entry as JsonObject)['keyid'];
  return { payloadType, payload, signature, ...(typeof keyid === 'string' && keyid !== '' ? { keyid } : {}) };
}
