import { encode, Tag } from 'cbor2';
import { MediaType } from '#oci/media-types.js';
import type { TrustMaterial } from '../../trust-material.js';
import { sampleManifest } from '../format-suite.js';
import { ALGORITHMS, algorithmOfKey, signBytes } from './algorithms.js';
import type { Issued } from './certificate-fixture.js';
import { sigStructure } from './cose-envelope.js';
import { Header } from './envelope.js';
import { notationPayload } from './payload.js';

/** The moment of the specs. */
export const NOW = new Date('2026-06-01T12:00:00Z');
/** The manifest that specs sign. */
export const MANIFEST = sampleManifest();

/** Changes to an envelope before it is signed; `undefined` removes a header. */
export interface Changes {
  readonly protected?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly payload?: Uint8Array;
}

/** A rightly signed JWS envelope with any headers. */
export async function forgeJws(chain: readonly Issued[], changes: Changes = {}): Promise<Buffer> {
  const key = chain[0]!.privateKey;
  const algorithm = algorithmOfKey(key)!;
  const header = {
    alg: algorithm,
    cty: MediaType.notationPayload,
    crit: [Header.scheme],
    [Header.scheme]: 'notary.x509',
    [Header.signingTime]: '2026-06-01T11:00:00Z',
    ...changes.protected,
  };
  const encodedHeader = Buffer.from(JSON.stringify(header)).toString('base64url');
  const payload = Buffer.from(changes.payload ?? notationPayload(MANIFEST)).toString('base64url');
  const signature = await signBytes(algorithm, key, Buffer.from(`${encodedHeader}.${payload}`));
  const x5c = chain.map(({ certificate }) => Buffer.from(certificate.rawData).toString('base64'));
  return Buffer.from(
    JSON.stringify({
      payload,
      protected: encodedHeader,
      header: { x5c, ...changes.header },
      signature: signature.toString('base64url'),
    }),
  );
}

/** A rightly signed COSE envelope; numeric names are labels, `rawProtected` replaces the encoded protected header. */
export async function forgeCose(
  chain: readonly Issued[],
  changes: Changes & { readonly rawProtected?: (header: Uint8Array) => Uint8Array } = {},
): Promise<Uint8Array> {
  const key = chain[0]!.privateKey;
  const algorithm = algorithmOfKey(key)!;
  const header = {
    1: ALGORITHMS[algorithm].cose,
    2: [Header.scheme],
    3: MediaType.notationPayload,
    [Header.scheme]: 'notary.x509',
    [Header.signingTime]: new Tag(1, 1780311600),
    ...changes.protected,
  };
  const encoded = encode(labels(header), { cde: true });
  const raw = changes.rawProtected?.(encoded) ?? encoded;
  const payload = Uint8Array.from(changes.payload ?? notationPayload(MANIFEST));
  const signature = await signBytes(algorithm, key, sigStructure(raw, payload));
  const x5chain = chain.map(({ certificate }) => new Uint8Array(certificate.rawData));
  const message = [raw, labels({ 33: x5chain, ...changes.header }), payload, Uint8Array.from(signature)];
  return encode(new Tag(18, message), { cde: true });
}

function labels(header: Readonly<Record<string, unknown>>): Map<unknown, unknown> {
  const entries = Object.entries(header).filter(([, value]) => value !== undefined);
  return new Map(entries.map(([name, value]) => [/^-?\d+$/.test(name) ? Number(name) : name, value]));
}

/** Trust in certificates and whatever else a spec adds. */
export function trusting(certificates: readonly Issued[], more: Partial<TrustMaterial> = {}): TrustMaterial {
  return { openpgpKeys: [], cosignKeys: [], certificates: certificates.map(({ pem }) => pem), ...more };
}
