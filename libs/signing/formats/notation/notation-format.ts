import { isDomainError } from '#platform/domain-error.js';
import type { ParsedSignature, SignatureFormat } from '../signature-format.js';
import { readSigningChain } from './certificate-chain.js';
import { extractEnvelope } from './extract.js';
import { notationPayload, parsePayload } from './payload.js';
import { readEnvelope, schemeOf } from './read-envelope.js';
import { openNotationSigner } from './signer.js';
import { describeClaims } from './signer-report.js';
import { verifyNotation } from './verify-notation.js';
import { wrapNotation } from './wrap.js';

/** Signatures of the Notary Project, made and read by notation: JWS and COSE envelopes in referrers. */
export const notationFormat: SignatureFormat = {
  name: 'notation',
  payload: (manifest) => notationPayload(manifest),
  parse: async (signature) => parseSignature(signature),
  verify: verifyNotation,
  async extract(carrier) {
    const found = await extractEnvelope(carrier);
    if (!found) return [];
    try {
      return [{ bytes: found.bytes, parsed: parseSignature(found.bytes, found.mediaType) }];
    } catch (error) {
      if (isDomainError(error) && error.kind === 'invalid') return [];
      throw error;
    }
  },
  wrap: (subject, signature) => wrapNotation(subject, signature),
  openSigner: async (source) => openNotationSigner(source),
};

function parseSignature(signature: Uint8Array, mediaType?: string): ParsedSignature {
  const envelope = readEnvelope(signature, mediaType);
  const [leaf] = readSigningChain(envelope.certificates).certificates;
  const target = parsePayload(envelope.payload);
  return {
    scheme: schemeOf(envelope),
    kind: 'signature',
    manifestDigest: target.digest,
    fingerprint: leaf!.fingerprint,
    certificateSubject: leaf!.subject,
    certificateIssuer: leaf!.issuer,
    ...(envelope.signingAgent ? { creator: envelope.signingAgent } : {}),
    timestamp: Math.floor(envelope.signingTime.getTime() / 1000),
    claims: describeClaims(envelope, target),
  };
}
