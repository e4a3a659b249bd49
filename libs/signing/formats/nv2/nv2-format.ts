import type { ParsedSignature, SignatureFormat } from '../signature-format.js';
import { type Certificate, readCertificate } from '../x509/certificate.js';
import { refusal } from '../refusal.js';
import { type CompactJws, readCompactJws } from './compact-jws.js';
import { extractNv2, wrapNv2 } from './nv2-carrier.js';
import { readClaims, writeClaims } from './nv2-claims.js';
import { openNv2Signer } from './nv2-signer.js';
import { verifyNv2 } from './verify-nv2.js';

/** The compact JWS of the Notary v2 prototype (nv2), kept for what was signed with it. */
export const nv2Format: SignatureFormat = {
  name: 'nv2',
  payload: ({ mediaType, digest, size }, reference) =>
    writeClaims({ mediaType, digest, size, references: [reference], issuedAt: Math.floor(Date.now() / 1000) }),
  parse: parseNv2,
  verify: async (bytes, context) => verifyNv2(bytes, context),
  extract: (carrier) => extractNv2(carrier, parseNv2),
  wrap: (subject, signature) => wrapNv2(subject, signature),
  openSigner: openNv2Signer,
};

async function parseNv2(bytes: Uint8Array): Promise<ParsedSignature> {
  const jws = readCompactJws(bytes);
  const claims = readClaims(jws.payload);
  const leaf = jws.certificates && readCertificate(jws.certificates[0]!);
  checkLength(jws, leaf);
  return {
    scheme: 'nv2',
    kind: 'signature',
    manifestDigest: claims.digest,
    ...(claims.references[0] !== undefined && { reference: claims.references[0] }),
    ...(jws.keyId !== undefined && { keyId: jws.keyId }),
    ...(leaf && {
      fingerprint: leaf.fingerprint,
      certificateSubject: leaf.subject,
      certificateIssuer: leaf.issuer,
    }),
    ...(claims.issuedAt !== undefined && { timestamp: Math.floor(claims.issuedAt) }),
    claims: { ...claims, algorithm: jws.algorithm },
  };
}

/** A JWS that was cut inside its signature can still be well-formed base64; only its length tells. */
function checkLength(jws: CompactJws, leaf: Certificate | undefined): void {
  const bits = leaf?.publicKey.asymmetricKeyDetails?.modulusLength;
  const expected = jws.algorithm === 'ES256' ? 64 : bits === undefined ? jws.signature.length : Math.ceil(bits / 8);
  if (jws.signature.length !== expected) {
    throw refusal('MALFORMED_ENVELOPE', `the signature has ${jws.signature.length} bytes, its key makes ${expected}`);
  }
}
