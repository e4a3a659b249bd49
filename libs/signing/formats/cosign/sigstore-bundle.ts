import { bundleFromJSON, type Bundle, type TransparencyLogEntry } from '@sigstore/bundle';
import { MediaType } from '#oci/media-types.js';
import { messageOf } from '#platform/domain-error.js';
import { decodeBase64 } from '../base64.js';
import { envelopeOf, type Envelope } from './dsse.js';
import { refusal } from '../refusal.js';
import { readMessage } from './proto-json.js';
import { BUNDLE } from './sigstore-shapes.js';
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
  /** Throws `DomainError` when they cannot be read. */
  logEntries(): readonly TransparencyLogEntry[];
  /** RFC 3161 responses in DER. */
  timestamps(): readonly Buffer[];
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
  const bundle = readMessage(document, BUNDLE, { what: 'the bundle', code: 'MALFORMED_ENVELOPE' });
  const { mediaType, verificationMaterial: material, dsseEnvelope, messageSignature } = bundle;
  if (typeof mediaType !== 'string' || !VERSION.test(mediaType))
    throw refusal('UNSUPPORTED_FORMAT', `bundles of type "${String(mediaType)}" are not read; only version 0.3`);
  if (messageSignature !== undefined && dsseEnvelope === undefined)
    throw refusal('UNSUPPORTED_FORMAT', 'the bundle signs a blob; image signatures carry a DSSE envelope');
  if (!isObject(dsseEnvelope) || messageSignature !== undefined)
    throw refusal('MALFORMED_ENVELOPE', 'the bundle needs exactly one DSSE envelope');
  if (!isObject(material)) throw refusal('MALFORMED_ENVELOPE', 'the bundle has no verification material');
  const envelope = envelopeOf(dsseEnvelope);
  const certificate = certificateOf(material);
  const hint = isObject(material['publicKey']) ? material['publicKey']['hint'] : undefined;
  const parsed = once(() => libraryBundle(bundle));
  if (certificate || isList(material['tlogEntries'])) parsed();
  const stamps = material['timestampVerificationData'];
  return {
    envelope,
    ...(typeof hint === 'string' && hint !== '' ? { hint } : {}),
    ...(certificate ? { certificate } : {}),
    hasLogEntries: isList(material['tlogEntries']),
    hasTimestamps: isObject(stamps) && isList(stamps['rfc3161Timestamps']),
    logEntries: () => parsed().verificationMaterial.tlogEntries.map(asLogged),
    timestamps: () =>
      (parsed().verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? []).map((stamp) =>
        Buffer.from(stamp.signedTimestamp),
      ),
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
  if (!der || der.length === 0) throw refusal('MALFORMED_ENVELOPE', 'the bundle has an empty certificate');
  return der;
}

function libraryBundle(canonical: JsonObject): Bundle {
  try {
    return bundleFromJSON({ ...canonical, mediaType: MediaType.sigstoreBundle });
  } catch (error) {
    throw refusal('MALFORMED_ENVELOPE', `the bundle is not valid: ${messageOf(error)}`);
  }
}

/** An empty promise is none. */
function asLogged({ inclusionPromise, ...entry }: TransparencyLogEntry): TransparencyLogEntry {
  const promised = inclusionPromise && inclusionPromise.signedEntryTimestamp.length > 0;
  return { ...entry, inclusionPromise: promised ? inclusionPromise : undefined };
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
