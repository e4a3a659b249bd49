import type { SignatureReport } from '../report.js';

/**
 * Who made a verified signature: equal for two of one signer, whatever else differs. By key; by identity where every
 * signature has a key and a certificate of its own.
 */
export function nameSigner({ signer }: Pick<SignatureReport, 'signer'>): string {
  const { oidcIssuer, identities, keyFingerprint, fingerprint, thumbprints } = (signer ?? {}) as {
    oidcIssuer?: string;
    identities?: readonly string[];
    keyFingerprint?: string;
    fingerprint?: string;
    /** Of a chain, leaf first. */
    thumbprints?: readonly string[];
  };
  if (oidcIssuer) return JSON.stringify([oidcIssuer, identities]);
  return keyFingerprint ?? fingerprint ?? thumbprints?.[0] ?? JSON.stringify(signer);
}
