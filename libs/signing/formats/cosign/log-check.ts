import type { TransparencyLogEntry } from '@sigstore/bundle';
import { VerificationError, type TrustMaterial as SigstoreTrust } from '@sigstore/verify';
import { messageOf } from '#platform/domain-error.js';
import { refusal } from '../refusal.js';
import { readCertificate } from '../x509/certificate.js';
import { findValidityProblem } from '../x509/certificate-path.js';
import { agreesWithCheckpoint, logsByKey } from './checkpoint.js';
import { verifyEvidence } from './evidence.js';
import { isIntoto1, verifyIntoto1 } from './intoto-entry.js';
import { loggedKeyOf } from './log-body.js';
import { reasonOf } from './malformed.js';
import type { SignedMaterial } from './signed-material.js';
import type { Signer } from './signature-check.js';
import { failed, notApplicable, passed, type Step } from './step.js';

/** The check of transparency log entries, and the times that they prove. */
export interface LogCheck {
  readonly step: Step;
  readonly times: readonly Date[];
}

/** As many entries as clients look at. */
const MAX_ENTRIES = 32;

/** Verifies the log entries of a signature against the trusted logs; `demand` says why one must be there. */
export function checkLog(
  material: SignedMaterial,
  logs: SigstoreTrust['tlogs'],
  demand: string | undefined,
  signer: Signer | undefined,
): LogCheck {
  if (!material.hasLogEntries)
    return { step: demand ? failed('TLOG_MISSING', demand) : notApplicable('there is no log entry'), times: [] };
  if (logs.length === 0)
    return {
      step: demand
        ? failed('TLOG_INVALID', `${demand}; no key of a log can be read`)
        : notApplicable('no transparency log is trusted'),
      times: [],
    };
  try {
    const proven = provenEntries(material, logs, signer);
    const times = timesOf(proven);
    return { step: passed(`logged${times[0] ? ` at ${times[0].toISOString()}` : ''}`), times };
  } catch (error) {
    const reason = reasonOf(error, 'TLOG_INVALID');
    return {
      step: failed('TLOG_INVALID', `the log entry is not valid: ${reason.detail || messageOf(error)}`),
      times: [],
    };
  }
}

/**
 * The entries that a trusted log vouches for, at least one. As for the clients, entries of other logs do not count, and one
 * wrong entry of a trusted log spoils all.
 */
function provenEntries(
  material: SignedMaterial,
  logs: SigstoreTrust['tlogs'],
  signer: Signer | undefined,
): readonly TransparencyLogEntry[] {
  const entries = material.logEntries();
  if (entries.length > MAX_ENTRIES) throw invalid(`there are over ${MAX_ENTRIES} of them`);
  if (new Set(entries.map(({ logId, logIndex }) => `${hexOf(logId.keyId)} ${logIndex}`)).size < entries.length)
    throw invalid('it is there twice');
  let unproven: unknown = invalid('no trusted log made it');
  const proven = entries.filter((entry) => {
    if (!logs.some(({ logID }) => logID.equals(entry.logId.keyId))) return false;
    try {
      verifyEntry(entry, material, logs, signer);
      return true;
    } catch (error) {
      if (!isUnpromised(error)) throw error;
      unproven = error;
      return false;
    }
  });
  if (proven.length === 0) throw unproven;
  return proven;
}

/** A promise by a key that the log no longer had then, or by none: such an entry does not count. */
function isUnpromised(error: unknown): boolean {
  return error instanceof VerificationError && error.code === 'TLOG_INCLUSION_PROMISE_ERROR';
}

function verifyEntry(
  entry: TransparencyLogEntry,
  material: SignedMaterial,
  logs: SigstoreTrust['tlogs'],
  signer: Signer | undefined,
): void {
  if (isIntoto1(entry)) verifyIntoto1(entry, material, logs);
  else verifyEvidence(material, { tlogEntries: [entry] }, { tlogs: logsByKey(entry, logs) }, { tlogThreshold: 1 });
  if (entry.inclusionProof && !agreesWithCheckpoint(entry))
    throw invalid('the inclusion proof is not for the tree of its checkpoint');
  if (signer && !isLoggedFor(entry, material, signer)) throw invalid('it is for another key');
  const [der] = material.certificates;
  const leaf = der && entry.integratedTime !== '0' ? readCertificate(der) : undefined;
  const problem = leaf && findValidityProblem([leaf], [timeOf(entry)]);
  if (problem) throw invalid(`it was made while the certificate was not valid: ${problem.detail}`);
}

/** One time of each log; only a promise signs the time. */
function timesOf(entries: readonly TransparencyLogEntry[]): readonly Date[] {
  const promised = entries.filter((entry) => entry.inclusionPromise);
  const logs = promised.map(({ logId }) => hexOf(logId.keyId));
  return promised.filter((_, index) => logs.indexOf(logs[index]!) === index).map(timeOf);
}

function timeOf(entry: TransparencyLogEntry): Date {
  return new Date(Number(entry.integratedTime) * 1000);
}

/** Who signs with a certificate logs the certificate, who signs with a key the key. */
function isLoggedFor(entry: TransparencyLogEntry, material: SignedMaterial, signer: Signer): boolean {
  const logged = loggedKeyOf(entry.canonicalizedBody);
  const [certificate] = material.certificates;
  const expected = certificate ?? signer.key.key.export({ type: 'spki', format: 'der' });
  return logged?.equals(expected) === true;
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const invalid = (problem: string) => refusal('TLOG_INVALID', problem);
