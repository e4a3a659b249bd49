import { isDomainError } from '#platform/domain-error.js';
import { MediaType } from '#oci/media-types.js';
import type { CheckCode, CheckList } from '../../report.js';
import type { TrustMaterial } from '../../trust-material.js';
import type { StoredManifest } from '../signature-format.js';
import { algorithmOfKey, isSignatureValid } from './algorithms.js';
import type { Certificate } from '../x509/certificate.js';
import type { SigningChain } from './certificate-chain.js';
import { needsPlugin, type Envelope } from './envelope.js';
import { findIdentityProblem } from './identity.js';
import { parsePayload, type TargetArtifact } from './payload.js';
import type { PolicyStatement } from './policy-statement.js';
import { findRevocationProblem } from './revocation.js';
import { isAnchored, loadStores } from './trust-store.js';
import { THUMBPRINT_ANNOTATION } from './wrap.js';

/** Signature value, algorithm and chain rules; false when nothing that follows would mean anything. */
export function checkIntegrity(
  checks: CheckList,
  envelope: Envelope,
  { certificates, problem }: SigningChain,
): boolean {
  const key = certificates[0]!.publicKey;
  const algorithm = algorithmOfKey(key);
  if (algorithm !== envelope.algorithm) {
    const detail = algorithm
      ? `the envelope says ${envelope.algorithm}, the key of the signing certificate is for ${algorithm}`
      : 'the key of the signing certificate is not RSA 2048, 3072, 4096 or EC P-256, P-384, P-521';
    return checks.fail('integrity', 'UNSUPPORTED_ALGORITHM', detail);
  }
  const anySalt = envelope.mediaType === MediaType.jose;
  if (!isSignatureValid(algorithm, key, envelope.signedBytes, envelope.signature, anySalt)) {
    return checks.fail('integrity', 'BAD_SIGNATURE', 'the signature does not match the signed bytes');
  }
  if (problem) return checks.fail('integrity', problem.code, problem.detail);
  if (needsPlugin(envelope)) {
    return checks.fail(
      'integrity',
      'CRITICAL_ATTRIBUTE_UNHANDLED',
      'the signature can be judged only by a verification plugin',
    );
  }
  return checks.pass('integrity');
}

/** Trust store of the right type, then the subject of the leaf. */
export function checkAuthenticity(
  checks: CheckList,
  envelope: Envelope,
  chain: readonly Certificate[],
  statement: PolicyStatement,
  trust: TrustMaterial,
): boolean {
  const action = statement.actions.authenticity;
  const type = envelope.signingScheme === 'notary.x509' ? 'ca' : 'signingAuthority';
  const { certificates, problem: unusable } = loadStores(trust, statement.trustStores, type);
  if (unusable !== undefined || !isAnchored(chain, certificates)) {
    const detail = unusable ?? `no certificate of the chain is in a trust store of type ${type}`;
    return checks.fail('authenticity', 'UNTRUSTED_ROOT', detail, action);
  }
  const problem = findIdentityProblem(chain[0]!, statement.trustedIdentities);
  if (problem) return checks.fail('authenticity', 'IDENTITY_MISMATCH', problem, action);
  return checks.pass('authenticity', undefined, action);
}

/** The expiry that the signer gave the signature. */
export function checkExpiry(checks: CheckList, { expiry }: Envelope, statement: PolicyStatement, now: Date): void {
  const action = statement.actions.expiry;
  if (!expiry || now < expiry) checks.pass('expiry', expiry ? undefined : 'the signature has no expiry', action);
  else checks.fail('expiry', 'SIGNATURE_EXPIRED', `the signature expired at ${expiry.toISOString()}`, action);
}

/** Revocation lists at hand; nothing is fetched. */
export async function checkRevocation(
  checks: CheckList,
  { signingScheme, signingTime }: Envelope,
  chain: readonly Certificate[],
  statement: PolicyStatement,
  crls: readonly string[],
  now: Date,
): Promise<void> {
  const action = statement.actions.revocation;
  if (action === 'skip') return checks.skip('revocation', 'the trust policy skips revocation');
  const signedAt = signingScheme === 'notary.x509.signingAuthority' ? signingTime : undefined;
  const problem = await findRevocationProblem(chain, crls, now, signedAt);
  if (problem) checks.fail('revocation', problem.code, problem.detail, action);
  else checks.pass('revocation', undefined, action);
}

/** The signed descriptor against the manifest; enforced under every level. */
export function checkDescriptor(checks: CheckList, envelope: Envelope, manifest: StoredManifest): boolean {
  const { target, code, detail } = readTarget(envelope);
  if (!target) return checks.fail('descriptor', code, detail);
  if (target.digest !== manifest.digest) {
    return checks.fail('descriptor', 'DIGEST_MISMATCH', `the signature is for ${target.digest}`);
  }
  if (target.mediaType !== manifest.mediaType || target.size !== manifest.size) {
    return checks.fail(
      'descriptor',
      'DESCRIPTOR_MISMATCH',
      `the signature is for ${target.size} bytes of type ${target.mediaType}`,
    );
  }
  return checks.pass('descriptor');
}

/** Compares the thumbprints written on the carrier with the chain; advisory. */
export function checkMetadata(
  checks: CheckList,
  chain: readonly Certificate[],
  annotations: Readonly<Record<string, string>> | undefined,
): void {
  const written = annotations?.[THUMBPRINT_ANNOTATION];
  if (written === undefined) return checks.skip('metadata', 'no user metadata is asked for');
  const actual = JSON.stringify(chain.map(({ fingerprint }) => fingerprint));
  if (written.toLowerCase().replace(/\s/g, '') === actual) checks.pass('metadata', undefined, 'log');
  else
    checks.fail(
      'metadata',
      'ANNOTATION_MISMATCH',
      `the annotation ${THUMBPRINT_ANNOTATION} names another chain`,
      'log',
    );
}

type Target =
  | { readonly target: TargetArtifact; readonly code?: undefined; readonly detail?: undefined }
  | { readonly target?: undefined; readonly code: CheckCode; readonly detail: string };

/** The artifact that an envelope names, or why its payload cannot be read. */
export function readTarget(envelope: Envelope): Target {
  try {
    return { target: parsePayload(envelope.payload) };
  } catch (error) {
    if (isDomainError(error) && error.kind === 'invalid')
      return { code: error.code as CheckCode, detail: error.message };
    throw error;
  }
}
