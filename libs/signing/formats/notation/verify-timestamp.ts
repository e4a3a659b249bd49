import { messageOf } from '#platform/domain-error.js';
import type { CheckList, SignatureReport } from '../../report.js';
import type { TrustMaterial } from '../../trust-material.js';
import type { Certificate } from '../x509/certificate.js';
import { findValidityProblem } from './certificate-rules.js';
import type { Envelope } from './envelope.js';
import type { PolicyStatement } from './policy-statement.js';
import { findRevocationProblem } from './revocation.js';
import { rfc3339 } from './signer-report.js';
import { verifyTimestamp, type Timestamp } from './timestamp.js';
import { loadStores } from './trust-store.js';

/** What the check of times needs. */
export interface TimestampQuestion {
  readonly envelope: Envelope;
  readonly chain: readonly Certificate[];
  readonly statement: PolicyStatement;
  readonly trust: TrustMaterial;
  readonly now: Date;
}

/** The time that the check established, if any. */
export interface TimestampVerdict {
  readonly trustedTime?: NonNullable<SignatureReport['trustedTime']>;
}

const NAME = 'authenticTimestamp';

/** Certificates must be valid at the time that the signing authority, a countersignature, or the clock gives. */
export async function checkAuthenticTimestamp(
  checks: CheckList,
  question: TimestampQuestion,
): Promise<TimestampVerdict> {
  const { envelope, chain, statement, now } = question;
  const action = statement.actions.authenticTimestamp;
  if (envelope.signingScheme === 'notary.x509.signingAuthority') {
    const problem = findValidityProblem(chain, envelope.signingTime);
    if (problem) checks.fail(NAME, problem.code, problem.detail, action);
    else checks.pass(NAME, 'valid at the time of the signing authority', action);
    return problem ? {} : { trustedTime: { value: rfc3339(envelope.signingTime), source: 'authenticSigningTime' } };
  }
  if (isCountersignatureWanted(question)) return checkCountersignature(checks, question);
  const problem = findValidityProblem(chain, now);
  if (problem) checks.fail(NAME, problem.code, problem.detail, action);
  else checks.pass(NAME, 'the certificates are valid now', action);
  return {};
}

function isCountersignatureWanted({ chain, statement, now }: TimestampQuestion): boolean {
  if (!statement.trustStores.some((store) => store.startsWith('tsa:'))) return false;
  return statement.verifyTimestamp === 'always' || chain.some(({ notAfter }) => now > notAfter);
}

async function checkCountersignature(checks: CheckList, question: TimestampQuestion): Promise<TimestampVerdict> {
  const { envelope, chain, statement, trust, now } = question;
  const action = statement.actions.authenticTimestamp;
  if (!envelope.timestampSignature) {
    checks.fail(NAME, 'TIMESTAMP_MISSING', 'the trust policy asks for a timestamp and the signature has none', action);
    return {};
  }
  const { certificates, problem: unusable } = loadStores(trust, statement.trustStores, 'tsa');
  const timestamp = unusable ?? tryVerify(envelope.timestampSignature, envelope.signature, certificates);
  if (typeof timestamp === 'string') {
    checks.fail(NAME, 'TIMESTAMP_INVALID', timestamp, action);
    return {};
  }
  const problem =
    findValidityProblem(chain, timestamp.from, timestamp.until) ??
    (await findRevocationProblem(timestamp.chain, trust.crls ?? [], now));
  if (problem) {
    const code = problem.code === 'REVOKED' ? 'TIMESTAMP_INVALID' : problem.code;
    checks.fail(NAME, code, problem.detail, action);
    return {};
  }
  checks.pass(NAME, `timestamped by "${timestamp.chain[0]!.subject}"`, action);
  return { trustedTime: { value: rfc3339(timestamp.time), source: 'rfc3161' } };
}

function tryVerify(token: Uint8Array, stamped: Uint8Array, trusted: readonly Certificate[]): Timestamp | string {
  try {
    return verifyTimestamp(token, stamped, trusted);
  } catch (error) {
    return messageOf(error);
  }
}
