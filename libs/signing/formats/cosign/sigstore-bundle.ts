import { bundleFromJSON, bundleToJSON, type Bundle } from '@sigstore/bundle';
import { MediaType } from '#oci/media-types.js';
import { messageOf } from '#platform/domain-error.js';
import { decodeBase64 } from '../base64.js';
import { envelopeOf, type Envelope } from './dsse.js';
import { refusal } from '../refusal.js';
import { isObject, type JsonObject } from '../strict-object.js';

/** Version 0.3 and its patches, in both spellings. */
const VERSION = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v0\.3(?:\.\d+)?\+json|\+json;version=0\.3(?:\.\d+)?)$/;

/** The parts of a sigstore bundle v0.3 that carry a DSSE envelope. */
export interface SigstoreBundle {
  readonly envelope: Envelope;
  /** base64 of the SHA-256 of the key; a lookup help only. */
  readonly hint?: string;
  /** DER of the leaf certificate. */
  readonly certificate?: Buffer;
  readonly hasLogEntries: boolean;
  readonly hasTimestamps: boolean;
  /** The bundle as the sigstore libraries read it; throws when they refuse it. */
  parsed(): Bundle;
}

/** The bundle that `cosign sign` writes for a key without any service. */
export function encodeKeyBundle(payload: Uint8Array, signature: Uint8Array, hint: string): Uint8Array {
  const bundle = {
    mediaType: MediaType.sigstoreBundle,
    verificationMaterial: { publicKey: { hint } },
    dsseEnvelope: {
      payload: Buffer.from(payload).toString('base64'),
      payloadType: MediaType.inToto,
      signatures: [{ sig: Buffer.from(signature).toString('base64') }],
    },
  };
  return Buffer.from(JSON.stringify(bundle));
}

/** The bundle in a strictly parsed document; throws `DomainError` with a code of the taxonomy. */
export function bundleOf(document: JsonObject): SigstoreBundle {
  const { mediaType, verificationMaterial: material, dsseEnvelope } = document;
  if (typeof mediaType !== 'string' || !VERSION.test(mediaType))
    throw refusal('UNSUPPORTED_FORMAT', `bundles of type "${String(mediaType)}" are not read; only version 0.3`);
  if (document['messageSignature'] !== undefined && dsseEnvelope === undefined)
    throw refusal('UNSUPPORTED_FORMAT', 'the bundle signs a blob; image signatures carry a DSSE envelope');
  if (!isObject(dsseEnvelope) || document['messageSignature'] !== undefined)
    throw refusal('MALFORMED_ENVELOPE', 'the bundle needs exactly one DSSE envelope');
  if (!isObject(material)) throw refusal('MALFORMED_ENVELOPE', 'the bundle has no verification material');
  const envelope = envelopeOf(dsseEnvelope);
  const certificate = certificateOf(material);
  const hint = isObject(material['publicKey']) ? material['publicKey']['hint'] : undefined;
  const parsed = once(() => libraryBundle(document));
  if (certificate || isList(material['tlogEntries'])) parsed();
  const stamps = material['timestampVerificationData'];
  return {
    envelope,
    ...(typeof hint === 'string' && hint !== '' ? { hint } : {}),
    ...(certificate ? { certificate } : {}),
    hasLogEntries: isList(material['tlogEntries']),
    hasTimestamps: isObject(stamps) && isList(stamps['rfc3161Timestamps']),
    parsed,
  };
}

function certificateOf(material: JsonObject): Buffer | undefined {
  if (material['x509CertificateChain'] !== undefined)
    throw refusal('MALFORMED_ENVELOPE', 'a bundle of version 0.3 carries the leaf certificate only, not a chain');
  const { certificate, publicKey } = material;
  if ((certificate === undefined) === (publicKey === undefined))
    throw refusal('MALFORMED_ENVELOPE', 'the bundle needs either a public key hint or a certificate');
  if (certificate === undefined) return undefined;
  const der = isObject(certificate) ? decodeBase64(certificate['rawBytes']) : undefined;
  if (!der || der.length === 0) throw refusal('MALFORMED_ENVELOPE', 'the certificate is not standard base64');
  return der;
}

function libraryBundle(document: JsonObject): Bundle {
  try {
    const bundle = bundleFromJSON({ ...document, mediaType: MediaType.sigstoreBundle });
    const unread = findUnread(document, bundleToJSON(bundle), '');
    if (unread === undefined || unread === '.mediaType') return bundle;
    throw new Error(`the member ${unread} is not known, or not in its one form`);
  } catch (error) {
    throw refusal('MALFORMED_ENVELOPE', `the bundle is not valid: ${messageOf(error)}`);
  }
}

/** Where a document says something that its reading does not: the library passes over unknown members and loose base64. */
function findUnread(document: unknown, read: unknown, path: string): string | undefined {
  if (!isObject(document) && !Array.isArray(document)) {
    const empty = document === '' || document === null || document === false || Number(document) === 0;
    return (read === undefined && empty) || String(read) === String(document) ? undefined : path;
  }
  const members = isObject(read) || Array.isArray(read) ? (read as JsonObject) : {};
  for (const [name, value] of Object.entries(document)) {
    const unread = findUnread(value, members[name], `${path}.${name}`);
    if (unread !== undefined) return unread;
  }
  return undefined;
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
