import type { TransparencyLogEntry } from '@sigstore/bundle';
import { refusal } from '../refusal.js';
import { readLogBody } from './log-body.js';
import { timeOf, verifyLogEntry } from './log-entry.js';
import { reasonOf } from './malformed.js';
import type { Signer } from './signature-check.js';
import type { SignedMaterial } from './signed-material.js';
import { failed, notApplicable, passed, type Step } from './step.js';
import type { TransparencyLog } from './transparency-log.js';

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
  logs: readonly TransparencyLog[],
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
    const times = timesOf(provenEntries(material, logs, signer));
    return { step: passed(`logged${times[0] ? ` at ${times[0].toISOString()}` : ''}`), times };
  } catch (error) {
    const { detail } = reasonOf(error, 'TLOG_INVALID');
    return { step: failed('TLOG_INVALID', `the log entry is not valid: ${detail}`), times: [] };
  }
}

/**
 * The entries that a trusted log vouches for, at least one. As for the clients, entries of other logs do not count, and one
 * wrong entry of a trusted log spoils all.
 */
function provenEntries(
  material: SignedMaterial,
  logs: readonly TransparencyLog[],
  signer: Signer | undefined,
): readonly TransparencyLogEntry[] {
  const entries = material.logEntries();
  if (entries.length > MAX_ENTRIES) throw invalid(`there are over ${MAX_ENTRIES} of them`);
  if (new Set(entries.map((entry) => `${logOf(entry)} ${entry.logIndex}`)).size < entries.length)
    throw invalid('it is there twice');
  const read = entries.map((entry) => ({ entry, body: readLogBody(entry.canonicalizedBody) }));
  const known = read.flatMap(({ entry, body }) => {
    const log = logs.find(({ id }) => id.equals(entry.logId.keyId));
    return log ? [{ entry, body, log }] : [];
  });
  const proven = known.filter(({ entry, body, log }) => verifyLogEntry(entry, body, log, material, signer));
  if (known.length === 0) throw invalid('no trusted log made it');
  if (proven.length === 0) throw invalid('the promise of the log does not hold');
  return proven.map(({ entry }) => entry);
}

/** One time of each log; only a promise signs the time. */
function timesOf(entries: readonly TransparencyLogEntry[]): readonly Date[] {
  const promised = entries.filter((entry) => entry.inclusionPromise);
  const logs = promised.map(logOf);
  return promised.filter((_, index) => logs.indexOf(logs[index]!) === index).map(timeOf);
}

const logOf = ({ logId }: TransparencyLogEntry) => Buffer.from(logId.keyId).toString('hex');

const invalid = (problem: string) => refusal('TLOG_INVALID', problem);
