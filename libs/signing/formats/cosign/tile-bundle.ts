import { createHash, createPublicKey, sign } from 'node:crypto';
import { MediaType } from '#oci/media-types.js';
import { preAuthEncoding } from './dsse.js';
import { statement } from './fixtures.js';

/** Who signs, and what stands in the bundle beside the signature. */
export interface TileSigner {
  readonly privateKey: string;
  readonly certificate?: Buffer;
}

type HashName = 'sha256' | 'sha384' | 'sha512';
const NAMES = { sha256: 'SHA2_256', sha384: 'SHA2_384', sha512: 'SHA2_512' } as const;
const DETAILS: Readonly<Record<string, string>> = {
  prime256v1: 'PKIX_ECDSA_P256_SHA_256',
  secp384r1: 'PKIX_ECDSA_P384_SHA_384',
  secp521r1: 'PKIX_ECDSA_P521_SHA_512',
  2048: 'PKIX_RSA_PKCS1V15_2048_SHA256',
  4096: 'PKIX_RSA_PKCS1V15_4096_SHA256',
};

/** A DSSE envelope of the sample statement, with the two bodies that Rekor 2 has made of such a thing. */
export function signEnvelope(
  { privateKey, certificate }: TileSigner,
  hash: HashName = 'sha256',
  payload = statement(),
) {
  const signed = preAuthEncoding(MediaType.inToto, payload);
  const signature = sign(hash, signed, privateKey);
  const sig = signature.toString('base64');
  const digest = (name: HashName, bytes: Uint8Array) => createHash(name).update(bytes).digest('base64');
  const key = createPublicKey(privateKey);
  const rawBytes = (certificate ?? key.export({ type: 'spki', format: 'der' })).toString('base64');
  const { namedCurve, modulusLength = '' } = key.asymmetricKeyDetails ?? {};
  const verifier = {
    keyDetails: DETAILS[namedCurve ?? modulusLength],
    [certificate ? 'x509Certificate' : 'publicKey']: { rawBytes },
  };
  const entry = (kind: string, spec: object) => ({ apiVersion: '0.0.2', kind, spec });
  return {
    signature,
    envelope: { payload: payload.toString('base64'), payloadType: MediaType.inToto, signatures: [{ sig }] },
    hashedrekord: entry('hashedrekord', {
      hashedRekordV002: {
        data: { algorithm: NAMES[hash], digest: digest(hash, signed) },
        signature: { content: sig, verifier },
      },
    }),
    dsse: entry('dsse', {
      dsseV002: {
        payloadHash: { algorithm: 'SHA2_256', digest: digest('sha256', payload) },
        signatures: [{ content: sig, verifier }],
      },
    }),
  };
}

/** The bundle around an envelope, its log entries and its timestamps. */
export function tileBundle(
  { certificate }: TileSigner,
  dsseEnvelope: object,
  tlogEntries: readonly object[],
  stamps: readonly string[] = [],
) {
  return {
    mediaType: MediaType.sigstoreBundle,
    verificationMaterial: {
      ...(certificate ? { certificate: { rawBytes: certificate.toString('base64') } } : { publicKey: { hint: '' } }),
      tlogEntries,
      timestampVerificationData: { rfc3161Timestamps: stamps.map((signedTimestamp) => ({ signedTimestamp })) },
    },
    dsseEnvelope,
  };
}
