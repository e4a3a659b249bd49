import { isDomainError } from '#platform/domain-error.js';

/** Version of the verification rules; it changes when a verdict could change. */
export const ENGINE_VERSION = '2';

/** Codes of checks that did not pass (one list for all families). */
export type CheckCode =
  | 'NO_SIGNATURE'
  | 'MALFORMED_ENVELOPE'
  | 'MALFORMED_PAYLOAD'
  | 'UNSUPPORTED_FORMAT'
  | 'UNSUPPORTED_ALGORITHM'
  | 'WEAK_ALGORITHM'
  | 'MULTIPLE_SIGNATURES'
  | 'BAD_SIGNATURE'
  | 'UNKNOWN_KEY'
  | 'KEY_EXPIRED'
  | 'KEY_REVOKED'
  | 'SIGNATURE_EXPIRED'
  | 'CERT_CHAIN_INVALID'
  | 'CERT_USAGE_INVALID'
  | 'CERT_EXPIRED'
  | 'CERT_NOT_YET_VALID'
  | 'UNTRUSTED_ROOT'
  | 'IDENTITY_MISMATCH'
  | 'REFERENCE_MISMATCH'
  | 'DIGEST_MISMATCH'
  | 'DESCRIPTOR_MISMATCH'
  | 'ANNOTATION_MISMATCH'
  | 'PREDICATE_MISMATCH'
  | 'TLOG_MISSING'
  | 'TLOG_INVALID'
  | 'SCT_MISSING'
  | 'TIMESTAMP_MISSING'
  | 'TIMESTAMP_INVALID'
  | 'REVOKED'
  | 'REVOCATION_UNKNOWN'
  | 'CRITICAL_ATTRIBUTE_UNHANDLED'
  | 'NO_APPLICABLE_POLICY'
  | 'SUBJECT_MISSING'
  | 'RESOURCE_LIMIT';

/** One named step of a verification. `log` checks are shown but do not decide. */
export interface Check {
  readonly name: string;
  readonly action: 'enforce' | 'log' | 'skip';
  readonly result: 'pass' | 'fail' | 'not_applicable';
  readonly code?: CheckCode;
  readonly detail?: string;
}

/** `untrusted`: the cryptography is right, the key is not in the policy. `indeterminate`: something needed was missing. */
export type Outcome = 'verified' | 'failed' | 'untrusted' | 'indeterminate' | 'skipped';

/** The verdict on one signature, as the REST API shows it. */
export interface SignatureReport {
  readonly family: 'atomic' | 'cosign' | 'notation' | 'nv2';
  readonly scheme: string;
  readonly outcome: Outcome;
  readonly checks: readonly Check[];
  readonly signer: Readonly<Record<string, unknown>> | null;
  /** What the signature says; untrusted unless a check covers it. */
  readonly claimed: Readonly<Record<string, unknown>>;
  readonly trustedTime: { readonly value: string; readonly source: 'tlog' | 'rfc3161' | 'authenticSigningTime' } | null;
  readonly policy: { readonly id: string; readonly statement?: string } | null;
}

/** Collects checks in order and decides the outcome from them. */
export class CheckList {
  private readonly list: Check[] = [];

  pass(name: string, detail?: string, action: Check['action'] = 'enforce'): true {
    this.list.push({ name, action, result: 'pass', ...(detail === undefined ? {} : { detail }) });
    return true;
  }

  fail(name: string, code: CheckCode, detail: string, action: Check['action'] = 'enforce'): false {
    this.list.push({ name, action, result: 'fail', code, detail });
    return false;
  }

  /** A check that cannot be made, or that the policy leaves out. */
  skip(name: string, detail: string, action: Check['action'] = 'skip'): void {
    this.list.push({ name, action, result: 'not_applicable', detail });
  }

  /** The check that something can be read; what a signature is refused for is its failure, anything else is thrown. */
  attempt<T>(name: string, read: () => T): T | undefined {
    try {
      const value = read();
      this.pass(name);
      return value;
    } catch (error) {
      if (!isDomainError(error)) throw error;
      this.fail(name, error.code as CheckCode, error.message);
      return undefined;
    }
  }

  get checks(): readonly Check[] {
    return this.list;
  }

  outcome(): Outcome {
    return outcomeOf(this.list);
  }
}

/** Enforced failures decide: unknown keys are `untrusted`, missing means `indeterminate`, the rest `failed`. */
export function outcomeOf(checks: readonly Check[]): Outcome {
  const failures = checks.filter((check) => check.result === 'fail' && check.action === 'enforce');
  if (failures.length === 0) return 'verified';
  const worst = failures.find((failure) => !UNTRUSTED.has(failure.code!) && !INDETERMINATE.has(failure.code!));
  if (worst) return 'failed';
  return failures.some((failure) => UNTRUSTED.has(failure.code!)) ? 'untrusted' : 'indeterminate';
}

const UNTRUSTED: ReadonlySet<CheckCode> = new Set<CheckCode>([
  'UNKNOWN_KEY',
  'UNTRUSTED_ROOT',
  'IDENTITY_MISMATCH',
  'NO_APPLICABLE_POLICY',
]);
const INDETERMINATE: ReadonlySet<CheckCode> = new Set<CheckCode>([
  'UNSUPPORTED_FORMAT',
  'REVOCATION_UNKNOWN',
  'SUBJECT_MISSING',
  'RESOURCE_LIMIT',
  'CRITICAL_ATTRIBUTE_UNHANDLED',
]);
