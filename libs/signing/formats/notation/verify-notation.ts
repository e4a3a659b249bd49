import { isDomainError } from '#platform/domain-error.js';
import { CheckList, type CheckCode, type SignatureReport } from '../../report.js';
import type { VerifyContext } from '../signature-format.js';
import type { Certificate } from '../x509/certificate.js';
import { readSigningChain, type SigningChain } from './certificate-chain.js';
import { findValidityProblem } from './certificate-rules.js';
import type { Envelope } from './envelope.js';
import { readNotationPolicy, scopeOf, selectStatement } from './notation-policy.js';
import { LEVELS, type PolicyStatement } from './policy-statement.js';
import { readEnvelope, schemeOf, schemeOfBytes } from './read-envelope.js';
import { describeClaims, describeSigner } from './signer-report.js';
import {
  checkAuthenticity,
  checkDescriptor,
  checkExpiry,
  checkIntegrity,
  checkMetadata,
  checkRevocation,
  readTarget,
} from './verify-checks.js';
import { checkAuthenticTimestamp, type TimestampVerdict } from './verify-timestamp.js';

const NAMES = ['integrity', 'authenticity', 'authenticTimestamp', 'expiry', 'revocation', 'descriptor', 'metadata'];

/** Runs notation's checks in its order and reports each of them. */
export async function verifyNotation(signature: Uint8Array, context: VerifyContext): Promise<SignatureReport> {
  const read = tryRead(signature);
  const { statement, policy } = chooseStatement(context, read);
  const checks = new CheckList();
  const skipped = statement?.level === 'skip';
  if (skipped) skipRest(checks, 0, 'the trust policy skips verification');
  const { trustedTime = null } = skipped ? {} : await runChecks(checks, read, statement, context);
  return {
    family: 'notation',
    scheme: read.envelope ? schemeOf(read.envelope) : schemeOfBytes(signature),
    outcome: skipped ? 'skipped' : checks.outcome(),
    checks: checks.checks,
    ...describe(read),
    trustedTime,
    policy,
  };
}

async function runChecks(
  checks: CheckList,
  read: Read,
  statement: PolicyStatement | undefined,
  context: VerifyContext,
): Promise<TimestampVerdict> {
  const intact = read.envelope
    ? checkIntegrity(checks, read.envelope, read.chain)
    : checks.fail('integrity', read.code, read.detail);
  if (!intact || !read.envelope) {
    skipRest(checks, 1, 'the integrity of the signature is not given');
    return {};
  }
  const { envelope, chain } = read;
  const verdict = await applyPolicy(checks, envelope, chain.certificates, statement, context);
  checkDescriptor(checks, envelope, context.manifest);
  checkMetadata(checks, chain.certificates, context.carrier?.annotations);
  return verdict;
}

async function applyPolicy(
  checks: CheckList,
  envelope: Envelope,
  certificates: readonly Certificate[],
  statement: PolicyStatement | undefined,
  { trust, now }: VerifyContext,
): Promise<TimestampVerdict> {
  if (!statement) {
    checks.fail('authenticity', 'NO_APPLICABLE_POLICY', 'no statement of the trust policy applies to this repository');
    for (const name of ['authenticTimestamp', 'expiry', 'revocation']) checks.skip(name, 'no statement applies');
    return {};
  }
  const anchored = checkAuthenticity(checks, envelope, certificates, statement, trust);
  const verdict = await checkAuthenticTimestamp(checks, { envelope, chain: certificates, statement, trust, now });
  checkExpiry(checks, envelope, statement, now);
  await checkRevocation(checks, envelope, certificates, statement, trust.crls ?? [], now);
  return anchored ? verdict : {};
}

type Read =
  | { readonly envelope: Envelope; readonly chain: SigningChain }
  | { readonly envelope?: undefined; readonly chain?: undefined; readonly code: CheckCode; readonly detail: string };

function tryRead(signature: Uint8Array): Read {
  try {
    const envelope = readEnvelope(signature);
    return { envelope, chain: readSigningChain(envelope.certificates) };
  } catch (error) {
    if (isDomainError(error) && error.kind === 'invalid')
      return { code: error.code as CheckCode, detail: error.message };
    throw error;
  }
}

function describe(read: Read): Pick<SignatureReport, 'signer' | 'claimed'> {
  if (!read.envelope) return { signer: null, claimed: {} };
  const { target } = readTarget(read.envelope);
  return { signer: describeSigner(read.chain.certificates), claimed: describeClaims(read.envelope, target) };
}

function skipRest(checks: CheckList, from: number, why: string): void {
  for (const name of NAMES.slice(from)) checks.skip(name, why);
}

/**
 * Without a trust policy everything handed in is trusted, under the level strict. A countersignature counts when there is
 * one; it is asked for only once the certificates have expired. A signing authority says itself when it signed: that is
 * believed after its certificates have expired only of one that was handed in as such.
 */
function chooseStatement(
  { trust, reference, now }: VerifyContext,
  { envelope, chain }: Read,
): { statement?: PolicyStatement; policy: SignatureReport['policy'] } {
  if (trust.notationTrustPolicy === undefined || trust.notationTrustPolicy === null) {
    const isCurrent = chain !== undefined && !findValidityProblem(chain.certificates, now);
    const statement: PolicyStatement = {
      name: 'default',
      registryScopes: ['*'],
      level: 'strict',
      actions: LEVELS.strict,
      verifyTimestamp: envelope?.timestampSignature ? 'always' : 'afterCertExpiry',
      trustStores: [
        ...(trust.certificates.length > 0 ? ['ca:default', ...(isCurrent ? ['signingAuthority:default'] : [])] : []),
        ...((trust.tsaCertificates ?? []).length > 0 ? ['tsa:default'] : []),
        ...Object.keys(trust.trustStores ?? {}),
      ],
      trustedIdentities: ['*'],
    };
    return { statement, policy: null };
  }
  const statement = selectStatement(readNotationPolicy(trust.notationTrustPolicy), trust.scope ?? scopeOf(reference));
  const policy = { id: 'notationTrustPolicy', ...(statement ? { statement: statement.name } : {}) };
  return statement ? { statement, policy } : { policy };
}
