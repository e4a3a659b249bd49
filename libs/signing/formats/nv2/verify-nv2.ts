import { type KeyObject, verify as verifySignature } from 'node:crypto';
import { algorithmOf, digestOf } from '#oci/digest.js';
import { matchIdentity } from '../../containers-policy.js';
import { type CheckCode, CheckList, type SignatureReport } from '../../report.js';
import type { VerifyContext } from '../signature-format.js';
import { type Certificate, certificatesOf, readCertificate } from '../x509/certificate.js';
import { findPath, findValidityProblem } from '../x509/certificate-path.js';
import { coversHost, libtrustKeyId } from './certificate-names.js';
import { type CompactJws, readCompactJws } from './compact-jws.js';
import { type Nv2Claims, readClaims } from './nv2-claims.js';

/** Verifies one nv2 signature, a historic format: `envelope`, `policy`, `key`, `chain`, `signature`, `validity`, `payload`, `times`, `descriptor`, `identity`, `reference`. */
export function verifyNv2(bytes: Uint8Array, context: VerifyContext): SignatureReport {
  const checks = new CheckList();
  const jws = checks.attempt('envelope', () => readCompactJws(bytes));
  checkPolicies(checks, context);
  const leaf = jws ? findLeaf(checks, jws, context) : skipped(checks, ['key'], 'there is no envelope');
  const holds =
    jws && leaf
      ? checkSignature(checks, jws, leaf, context)
      : skipped(checks, ['chain', 'signature', 'validity'], 'the key is not known');
  const claims = holds
    ? checks.attempt('payload', () => readClaims(jws!.payload))
    : skipped(checks, ['payload'], 'the signature does not hold');
  if (claims && leaf) {
    checkTimes(checks, claims, context.now);
    checkDescriptor(checks, claims, context);
    checkNames(checks, claims, leaf, context.reference);
  } else skipped(checks, ['times', 'descriptor', 'identity', 'reference'], 'there is no payload to compare with');
  return {
    family: 'nv2',
    scheme: 'nv2',
    outcome: checks.outcome(),
    checks: checks.checks,
    signer: holds && leaf ? signerOf(leaf, jws!) : null,
    claimed: claims ? { manifestDigest: claims.digest, ...claims } : {},
    trustedTime: null,
    policy: null,
  };
}

/** The policies of notation and of containers know nothing of this format, so that nothing of it passes them. */
function checkPolicies(checks: CheckList, { trust }: VerifyContext): void {
  if (trust.notationTrustPolicy === undefined && trust.containersPolicy === undefined)
    return checks.skip('policy', 'the certificates alone are trusted');
  checks.fail('policy', 'NO_APPLICABLE_POLICY', 'no policy says anything of signatures of the nv2 prototype');
}

function findLeaf(checks: CheckList, jws: CompactJws, context: VerifyContext): Certificate | undefined {
  const leaf = jws.certificates
    ? readCertificate(jws.certificates[0]!)
    : certificatesOf(context.trust.certificates).find((each) => libtrustKeyId(each.publicKey) === jws.keyId);
  if (leaf) checks.pass('key', leaf.subject);
  else if (jws.certificates) checks.fail('key', 'MALFORMED_ENVELOPE', 'the signing certificate cannot be read');
  else checks.fail('key', 'UNKNOWN_KEY', `no trusted certificate has the key ${jws.keyId}`);
  return leaf;
}

function checkSignature(checks: CheckList, jws: CompactJws, leaf: Certificate, context: VerifyContext): boolean {
  const between = (jws.certificates ?? []).slice(1).flatMap((der) => readCertificate(der) ?? []);
  const chain = findPath(leaf, between, certificatesOf(context.trust.certificates));
  if (chain) checks.pass('chain', chain.map(({ subject }) => subject).join(' ← '));
  else checks.fail('chain', 'UNTRUSTED_ROOT', `${leaf.subject} does not lead to a trusted certificate`);
  const problem = keyProblem(jws, leaf.publicKey);
  const holds = (!problem || problem.code === 'WEAK_ALGORITHM') && isSignedBy(jws, leaf.publicKey);
  if (holds && !problem) checks.pass('signature', jws.algorithm);
  else
    checks.fail(
      'signature',
      holds || problem ? problem!.code : 'BAD_SIGNATURE',
      problem?.detail ?? 'the signature does not belong to these bytes',
    );
  const expired = findValidityProblem(chain ?? [leaf], [context.now]);
  if (expired) checks.fail('validity', expired.code, expired.detail);
  else checks.pass('validity');
  return holds;
}

function keyProblem(jws: CompactJws, key: KeyObject): { code: CheckCode; detail: string } | undefined {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  const fits = jws.algorithm === 'RS256' ? key.asymmetricKeyType === 'rsa' : namedCurve === 'prime256v1';
  if (!fits) return { code: 'UNSUPPORTED_ALGORITHM', detail: `the certificate's key is not one for ${jws.algorithm}` };
  if (jws.algorithm === 'RS256' && modulusLength < 2048)
    return { code: 'WEAK_ALGORITHM', detail: `an RSA key of ${modulusLength} bits is too short` };
  return undefined;
}

function isSignedBy(jws: CompactJws, key: KeyObject): boolean {
  return verifySignature('sha256', jws.signed, { key, dsaEncoding: 'ieee-p1363' }, jws.signature);
}

function checkTimes(checks: CheckList, claims: Nv2Claims, now: Date): void {
  const seconds = now.getTime() / 1000;
  if (claims.expires !== undefined && claims.expires <= seconds)
    checks.fail('times', 'SIGNATURE_EXPIRED', 'the signature has expired');
  else if (claims.notBefore !== undefined && claims.notBefore > seconds)
    checks.fail('times', 'BAD_SIGNATURE', 'the signature is not valid yet');
  else checks.pass('times');
}

function checkDescriptor(checks: CheckList, claims: Nv2Claims, { manifest }: VerifyContext): void {
  const actual = digestOf(manifest.bytes, algorithmOf(claims.digest));
  if (actual !== claims.digest)
    checks.fail('descriptor', 'DIGEST_MISMATCH', `signed for ${claims.digest}, the manifest is ${actual}`);
  else if (claims.size !== manifest.bytes.length || claims.mediaType !== manifest.mediaType) {
    const signed = `${claims.mediaType} of ${claims.size} bytes`;
    checks.fail(
      'descriptor',
      'DESCRIPTOR_MISMATCH',
      `signed for ${signed}, the manifest is ${manifest.mediaType} of ${manifest.bytes.length} bytes`,
    );
  } else checks.pass('descriptor', actual);
}

function checkNames(checks: CheckList, claims: Nv2Claims, leaf: Certificate, reference: string | undefined): void {
  const foreign = claims.references.find((each) => !coversHost(leaf, each));
  if (foreign === undefined) checks.pass('identity', leaf.subject);
  else checks.fail('identity', 'IDENTITY_MISMATCH', `${leaf.subject} does not stand for the host of ${foreign}`);
  if (reference === undefined) return skipped(checks, ['reference'], 'no reference was given to compare with');
  if (claims.references.length === 0) return skipped(checks, ['reference'], 'the signature names no reference');
  const results = claims.references.map((signed) => matchIdentity(undefined, reference, signed));
  const good = results.find((result) => result.ok);
  if (good) checks.pass('reference', good.detail);
  else checks.fail('reference', 'REFERENCE_MISMATCH', results.map((result) => result.detail).join('; '));
}

function signerOf(leaf: Certificate, jws: CompactJws): Record<string, unknown> {
  return {
    subject: leaf.subject,
    issuer: leaf.issuer,
    fingerprint: leaf.fingerprint,
    keyId: libtrustKeyId(leaf.publicKey),
    subjectAltNames: leaf.extensions.subjectAltNames.map(({ value }) => value),
    algorithm: jws.algorithm,
  };
}

function skipped(checks: CheckList, names: readonly string[], detail: string): undefined {
  for (const name of names) checks.skip(name, detail);
}
