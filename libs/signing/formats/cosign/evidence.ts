import {
  Verifier,
  type SignedEntity,
  type TrustMaterial as SigstoreTrust,
  type VerifierOptions,
} from '@sigstore/verify';
import { createHash, createPublicKey, generateKeyPairSync, timingSafeEqual } from 'node:crypto';
import type { SignedMaterial } from './signed-material.js';
import { emptyTrust } from './trusted-root.js';

/** Never verifies anything: evidence is judged apart from the signature, which this code verifies itself. */
const PLACEHOLDER = createPublicKey(generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }));
const NONE: Required<Pick<VerifierOptions, 'tlogThreshold' | 'ctlogThreshold' | 'timestampThreshold'>> = {
  tlogThreshold: 0,
  ctlogThreshold: 0,
  timestampThreshold: 0,
};

/** Runs one part of sigstore's verification: what is not in `parts` is neither present nor asked for. Throws its errors. */
export function verifyEvidence(
  material: SignedMaterial,
  parts: Partial<Pick<SignedEntity, 'key' | 'timestamps' | 'tlogEntries'>>,
  trust: Partial<SigstoreTrust>,
  thresholds: VerifierOptions,
): void {
  const publicKey = () => ({ publicKey: PLACEHOLDER, validFor: () => true });
  const verifier = new Verifier({ ...emptyTrust(), publicKey, ...trust }, { ...NONE, ...thresholds });
  verifier.verify({
    signature: contentOf(material),
    key: { $case: 'public-key', hint: '' },
    timestamps: [],
    tlogEntries: [],
    ...parts,
  });
}

function contentOf(material: SignedMaterial): SignedEntity['signature'] {
  return {
    signature: material.stamped,
    compareSignature: (signature) => isEqual(signature, material.signature),
    compareDigest: (digest) => isEqual(digest, sha256(material.payload)),
    compareSignedDigest: (digest) => isEqual(digest, sha256(material.signed)),
    verifySignature: () => true,
  };
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
