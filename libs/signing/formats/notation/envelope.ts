import { MediaType } from '#oci/media-types.js';
import type { CheckCode } from '../../report.js';
import { refusal } from '../refusal.js';
import type { Algorithm } from './algorithms.js';

/** Names of notation's header parameters (Notary Project signature specification). */
export const Header = {
  scheme: 'io.cncf.notary.signingScheme',
  signingTime: 'io.cncf.notary.signingTime',
  authenticSigningTime: 'io.cncf.notary.authenticSigningTime',
  expiry: 'io.cncf.notary.expiry',
  plugin: 'io.cncf.notary.verificationPlugin',
  pluginMinVersion: 'io.cncf.notary.verificationPluginMinVersion',
  signingAgent: 'io.cncf.notary.signingAgent',
  timestamp: 'io.cncf.notary.timestampSignature',
} as const;

/** Who vouches for the signing time. */
export type SigningScheme = 'notary.x509' | 'notary.x509.signingAuthority';

/** A JWS or COSE envelope with its header rules checked and nothing verified. */
export interface Envelope {
  readonly mediaType: typeof MediaType.jose | typeof MediaType.cose;
  readonly algorithm: Algorithm;
  readonly signingScheme: SigningScheme;
  /** Claimed by the signer, or vouched for by the signing authority. */
  readonly signingTime: Date;
  readonly expiry?: Date;
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
  readonly signingAgent?: string;
  /** RFC 3161 token over the signature value. */
  readonly timestampSignature?: Uint8Array;
  /** Protected parameters that the specification does not define. */
  readonly extended: ReadonlyMap<string, { readonly critical: boolean; readonly value: unknown }>;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** The bytes that the signature is made over. */
  readonly signedBytes: Uint8Array;
}

/** Longest envelope that is read. */
export const MAX_ENVELOPE_BYTES = 4 * 1024 * 1024;

/** The refusal of an envelope; `code` of the common list. */
export function refuse(message: string, code: CheckCode = 'MALFORMED_ENVELOPE'): Error {
  return refusal(code, message);
}

/** True when a verifier needs a plugin that the envelope asks for. */
export function needsPlugin(envelope: Envelope): boolean {
  return envelope.extended.has(Header.plugin);
}
