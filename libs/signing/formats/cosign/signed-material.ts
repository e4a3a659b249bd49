import type { TransparencyLogEntry } from '@sigstore/bundle';
import { MediaType } from '#oci/media-types.js';
import type { ParsedSignature } from '../signature-format.js';
import { decodeBase64 } from '../base64.js';
import { preAuthEncoding, readEnvelope, type Envelope } from './dsse.js';
import {
  decodeLayerDocument,
  hasSigstorePrefix,
  LayerAnnotation,
  layerDocumentOf,
  type LayerDocument,
} from './layer-document.js';
import { refusal } from '../refusal.js';
import { readObject } from '../strict-object.js';
import { MAX_SIGNATURE_BYTES } from './malformed.js';
import { certificatesIn } from '../x509/pem.js';
import { logEntriesOf, timestampsOf } from './layer-annotations.js';
import { bundleOf, type SigstoreBundle } from './sigstore-bundle.js';
import { SIGN_PREDICATE, statementOf } from './statement.js';

/** Every cosign form brought to one shape: what was signed, by what signature, with which evidence. */
export interface SignedMaterial {
  readonly scheme: 'cosign:tag' | 'cosign:bundle';
  readonly content: 'simple-signing' | 'statement' | 'unsigned';
  /** The bytes that the signature covers. */
  readonly signed: Buffer;
  readonly payload: Buffer;
  readonly signature: Buffer;
  /** Of an attestation under a companion tag: the bytes of its envelope, which logs and timestamps are about. */
  readonly envelope?: Buffer;
  /** What an RFC 3161 token is made over. */
  readonly stamped: Buffer;
  /** Key ids and hints: lookup helps that nothing signs. */
  readonly hints: readonly string[];
  /** The name that the key of a bundle must go by: its SSH fingerprint. */
  readonly keyid?: string;
  /** DER, leaf first; the rest are intermediates that nobody trusts yet. */
  readonly certificates: readonly Buffer[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly hasLogEntries: boolean;
  readonly hasTimestamps: boolean;
  /** Entries of a transparency log; throws `DomainError` when they cannot be read. */
  logEntries(): readonly TransparencyLogEntry[];
  /** RFC 3161 responses in DER; throws `DomainError` when they cannot be read. */
  timestamps(): readonly Buffer[];
}

/** Tells the forms of signature bytes apart and reads them strictly; throws `DomainError` with a code of the taxonomy. */
export function readMaterial(bytes: Uint8Array): SignedMaterial {
  if (bytes.length > MAX_SIGNATURE_BYTES)
    throw refusal('RESOURCE_LIMIT', `the signature is longer than ${MAX_SIGNATURE_BYTES} bytes`);
  if (hasSigstorePrefix(bytes)) return materialOfLayer(decodeLayerDocument(bytes));
  const document = readObject(bytes, 'the signature', 'MALFORMED_ENVELOPE');
  if (document['mimeType'] !== undefined) return materialOfLayer(layerDocumentOf(document));
  return materialOfBundle(bundleOf(document));
}

/** `signature`, `attestation` or `sbom`, by the predicate type of a statement or the form of a layer. */
export function kindOf(material: SignedMaterial): ParsedSignature['kind'] {
  if (material.content === 'unsigned') return 'sbom';
  if (material.content === 'simple-signing') return 'signature';
  return statementOf(material).predicateType === SIGN_PREDICATE ? 'signature' : 'attestation';
}

function materialOfBundle(bundle: SigstoreBundle): SignedMaterial {
  return {
    ...materialOfEnvelope(bundle.envelope),
    scheme: 'cosign:bundle',
    hints: [bundle.hint, bundle.envelope.keyid].filter((hint) => hint !== undefined),
    ...(bundle.envelope.keyid === undefined ? {} : { keyid: bundle.envelope.keyid }),
    certificates: bundle.certificate ? [bundle.certificate] : [],
    annotations: {},
    hasLogEntries: bundle.hasLogEntries,
    hasTimestamps: bundle.hasTimestamps,
    logEntries: () => bundle.logEntries(),
    timestamps: () => bundle.timestamps(),
  };
}

function materialOfLayer(layer: LayerDocument): SignedMaterial {
  const { annotations } = layer;
  const payload = Buffer.from(layer.payload);
  const shared = {
    scheme: 'cosign:tag' as const,
    annotations,
    certificates: [
      ...certificatesIn(annotations[LayerAnnotation.certificate] ?? '').slice(0, 1),
      ...certificatesIn(annotations[LayerAnnotation.chain] ?? ''),
    ],
    hasLogEntries: Boolean(annotations[LayerAnnotation.bundle]),
    hasTimestamps: Boolean(annotations[LayerAnnotation.timestamp]),
    logEntries: () => logEntriesOf(annotations[LayerAnnotation.bundle]),
    timestamps: () => timestampsOf(annotations[LayerAnnotation.timestamp]),
  };
  if (layer.mimeType === MediaType.dsseEnvelope) {
    const envelope = readEnvelope(payload);
    return {
      ...materialOfEnvelope(envelope),
      ...shared,
      envelope: payload,
      stamped: payload,
      hints: envelope.keyid ? [envelope.keyid] : [],
    };
  }
  if (layer.mimeType !== MediaType.cosignSimpleSigning)
    return {
      ...shared,
      content: 'unsigned',
      signed: payload,
      payload,
      signature: Buffer.alloc(0),
      stamped: payload,
      hints: [],
    };
  const signature = decodeBase64(annotations[LayerAnnotation.signature]?.replace(/[\r\n]/g, ''));
  if (!signature || signature.length === 0)
    throw refusal('MALFORMED_ENVELOPE', `the annotation ${LayerAnnotation.signature} is not a signature in base64`);
  return { ...shared, content: 'simple-signing', signed: payload, payload, signature, stamped: signature, hints: [] };
}

function materialOfEnvelope(envelope: Envelope) {
  return {
    content: 'statement' as const,
    signed: preAuthEncoding(envelope.payloadType, envelope.payload),
    payload: envelope.payload,
    signature: envelope.signature,
    stamped: envelope.signature,
  };
}
