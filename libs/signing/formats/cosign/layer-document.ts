import { decodeBase64 } from '../base64.js';
import { refusal } from '../refusal.js';
import { isObject, readObject } from '../strict-object.js';

/** Annotations of a layer in a `.sig` or `.att` manifest (cosign, "Signature specification"). */
export const LayerAnnotation = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  bundle: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
  predicateType: 'predicateType',
} as const;

/** A layer of a companion manifest with its bytes: what containers/image calls `sigstore-json`. */
export interface LayerDocument {
  readonly mimeType: string;
  readonly payload: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}

const PREFIX = Buffer.from('\0sigstore-json\n');

/** True when the bytes begin as containers/image stores sigstore signatures. */
export function hasSigstorePrefix(bytes: Uint8Array): boolean {
  return PREFIX.equals(bytes.subarray(0, PREFIX.length));
}

/** The one text form of a layer: members in order, annotations sorted, no whitespace. */
export function encodeLayerDocument(layer: LayerDocument): Uint8Array {
  const annotations = Object.fromEntries(Object.entries(layer.annotations).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const payload = Buffer.from(layer.payload).toString('base64');
  return Buffer.from(JSON.stringify({ mimeType: layer.mimeType, payload, annotations }));
}

/** Reads the text form, with or without the prefix; throws `DomainError` with `MALFORMED_ENVELOPE`. */
export function decodeLayerDocument(bytes: Uint8Array): LayerDocument {
  const json = hasSigstorePrefix(bytes) ? bytes.subarray(PREFIX.length) : bytes;
  return layerDocumentOf(readObject(json, 'the signature', 'MALFORMED_ENVELOPE'));
}

/** The layer in an already parsed document. */
export function layerDocumentOf(document: Readonly<Record<string, unknown>>): LayerDocument {
  const { mimeType, payload, annotations = {}, ...rest } = document;
  const decoded = decodeBase64(payload);
  if (typeof mimeType !== 'string' || mimeType === '') throw malformed('needs a mimeType');
  if (decoded === undefined) throw malformed('needs its payload as standard base64');
  if (!isAnnotations(annotations)) throw malformed('needs annotations that are texts');
  if (Object.keys(rest).length > 0) throw malformed(`has the unknown member "${Object.keys(rest)[0]}"`);
  return { mimeType, payload: decoded, annotations };
}

function isAnnotations(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

const malformed = (problem: string) => refusal('MALFORMED_ENVELOPE', `the sigstore-json document ${problem}`);
