import { algorithmOf, digestOf } from '#oci/digest.js';
import { matchIdentity } from '../../containers-policy.js';
import { CheckList, type SignatureReport } from '../../report.js';
import type { SignedBy } from '../../signature-requirement.js';
import type { VerifyContext } from '../signature-format.js';
import { hashName, publicKeyAlgorithmName, verifyCryptography } from './cryptography.js';
import { findSigningKeys, fingerprintOf, type KeyRing, readKeyRing, type SigningKey } from './key-ring.js';
import { findKeyProblem, isSubkey, type KeyProblem } from './key-validity.js';
import type { SignatureFields } from './signature-packet.js';
import { readSignedMessage, type SignedMessage } from './signed-message.js';
import { readSimplePayload, type SimplePayload } from './simple-payload.js';

const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** Verifies one simple signature: the checks `envelope` to `reference`. */
export async function verifySimple(bytes: Uint8Array, context: VerifyContext): Promise<SignatureReport> {
  const requirement = context.requirement?.type === 'signedBy' ? context.requirement : undefined;
  const ring = await readKeyRing(requirement?.keys ?? context.trust.openpgpKeys);
  const checks = new CheckList();
  const message = checks.attempt('envelope', () => readSignedMessage(bytes));
  const found = message
    ? checkSignature(checks, message, ring, requirement !== undefined)
    : skipAll(checks, ['key', 'signature'], 'no envelope');
  if (message && found.key) await checkValidity(checks, message.signature, found.key, context.now);
  else checks.skip('key-validity', 'the key is not known');
  const payload = found.holds ? checks.attempt('payload', () => readSimplePayload(message!.data)) : undefined;
  if (!found.holds) checks.skip('payload', 'not read, because the signature does not hold');
  if (payload) {
    checkDigest(checks, payload, context);
    checkReference(checks, payload, context, requirement);
  } else skipAll(checks, ['digest', 'reference'], 'there is no payload to compare with');
  return {
    family: 'atomic',
    scheme: 'atomic',
    outcome: checks.outcome(),
    checks: checks.checks,
    signer: found.holds && found.key ? signerOf(message!.signature, found.key) : null,
    claimed: payload ? { ...payload } : {},
    trustedTime: null,
    policy: null,
  };
}

interface Found {
  readonly key?: SigningKey;
  readonly holds: boolean;
}

/** `whole`: under a policy a client does without a requirement of which one key cannot be read. */
function checkSignature(checks: CheckList, message: SignedMessage, ring: KeyRing, whole: boolean): Found {
  const { signature } = message;
  if (whole && ring.problems[0] !== undefined) {
    checks.fail('key', 'UNKNOWN_KEY', ring.problems[0]);
    checks.skip('signature', 'the keys of the policy cannot be used');
    return { holds: false };
  }
  const candidates = findSigningKeys(ring, signature);
  if (candidates.length === 0) {
    const name = signature.fingerprint ?? signature.keyId ?? 'that is not named';
    const problems = ring.problems.length === 0 ? '' : ` (${ring.problems.join('; ')})`;
    checks.fail('key', 'UNKNOWN_KEY', `key ${name} is not among the ${ring.keys.size} trusted keys${problems}`);
    checks.skip('signature', 'the key is not known');
    return { holds: false };
  }
  const results = candidates.map((key) => verifyCryptography(message, key));
  const at = Math.max(
    0,
    results.findIndex((result) => result.holds),
  );
  const [key, result] = [candidates[at]!, results[at]!];
  checks.pass('key', `key ${fingerprintOf(key.component)} of ${fingerprintOf(key.certificate)}`);
  if (result.code) checks.fail('signature', result.code, result.detail ?? 'the signature does not hold');
  else
    checks.pass(
      'signature',
      `${publicKeyAlgorithmName(signature.publicKeyAlgorithm)} with ${hashName(signature.hashAlgorithm)}`,
    );
  return { key, holds: result.holds };
}

async function checkValidity(checks: CheckList, signature: SignatureFields, key: SigningKey, now: Date): Promise<void> {
  const problem = timeProblem(signature, now) ?? (await findKeyProblem(key, signature.created, now));
  if (problem) checks.fail('key-validity', problem.code, problem.detail);
  else checks.pass('key-validity', `good on ${signature.created.toISOString()} and now`);
}

function timeProblem(signature: SignatureFields, now: Date): KeyProblem | undefined {
  if (signature.expires && signature.expires <= now) {
    return { code: 'SIGNATURE_EXPIRED', detail: `the signature expired on ${signature.expires.toISOString()}` };
  }
  if (signature.created.getTime() > now.getTime() + CLOCK_SKEW_MS) {
    return {
      code: 'BAD_SIGNATURE',
      detail: `the signature claims to be made on ${signature.created.toISOString()}, in the future`,
    };
  }
  return undefined;
}

function checkDigest(checks: CheckList, payload: SimplePayload, context: VerifyContext): void {
  const actual = digestOf(context.manifest.bytes, algorithmOf(payload.manifestDigest));
  if (actual === payload.manifestDigest) checks.pass('digest', actual);
  else checks.fail('digest', 'DIGEST_MISMATCH', `signed for ${payload.manifestDigest}, the manifest is ${actual}`);
}

/** By the identity that the policy asks for, or by the default rule when there is no policy. */
function checkReference(
  checks: CheckList,
  payload: SimplePayload,
  { reference }: VerifyContext,
  requirement: SignedBy | undefined,
): void {
  if (!requirement && reference === undefined)
    return checks.skip('reference', 'no reference was given to compare with');
  const { ok, detail } = matchIdentity(requirement?.signedIdentity, reference ?? '', payload.reference);
  if (ok) checks.pass('reference', detail);
  else checks.fail('reference', 'REFERENCE_MISMATCH', detail);
}

function signerOf(signature: SignatureFields, key: SigningKey): Record<string, unknown> {
  return {
    fingerprint: fingerprintOf(key.certificate),
    keyId: key.component.getKeyID().toHex().toUpperCase(),
    ...(isSubkey(key.component) && { signingSubkeyFingerprint: fingerprintOf(key.component) }),
    userIds: key.certificate.getUserIDs(),
    algorithm: publicKeyAlgorithmName(signature.publicKeyAlgorithm),
    hashAlgorithm: hashName(signature.hashAlgorithm),
    created: signature.created.toISOString(),
  };
}

function skipAll(checks: CheckList, names: readonly string[], detail: string): Found {
  for (const name of names) checks.skip(name, detail);
  return { holds: false };
}
