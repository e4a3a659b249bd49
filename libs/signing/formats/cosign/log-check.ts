import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { TrustMaterial as SigstoreTrust } from '@sigstore/verify';
import { messageOf } from '#platform/domain-error.js';
import { verifyEvidence } from './evidence.js';
import { loggedKeyOf } from './logged-key.js';
import { reasonOf } from './malformed.js';
import type { SignedMaterial } from './signed-material.js';
import type { Signer } from './signature-check.js';
import { failed, notApplicable, passed, type Step } from './step.js';

/** The check of transparency log entries, and the times that they prove. */
export interface LogCheck {
  readonly step: Step;
  readonly times: readonly Date[];
}

/** Verifies every log entry of a signature against the trusted logs; `demand` says why one must be there. */
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
    const entries = material.logEntries();
    verifyEvidence(material, { tlogEntries: [...entries] }, { tlogs: logs }, { tlogThreshold: 1 });
    if (!entries.every(agreesWithCheckpoint))
      return { step: failed('TLOG_INVALID', 'the inclusion proof is not for the tree of its checkpoint'), times: [] };
    if (signer && !entries.every((entry) => isLoggedFor(entry, material, signer)))
      return { step: failed('TLOG_INVALID', 'the log entry is for another key'), times: [] };
    const times = entries.filter((entry) => entry.inclusionPromise).map(timeOf);
    return { step: passed(`logged${times[0] ? ` at ${times[0].toISOString()}` : ''}`), times };
  } catch (error) {
    const reason = reasonOf(error, 'TLOG_INVALID');
    return {
      step: failed('TLOG_INVALID', `the log entry is not valid: ${reason.detail || messageOf(error)}`),
      times: [],
    };
  }
}

function timeOf(entry: TransparencyLogEntry): Date {
  return new Date(Number(entry.integratedTime) * 1000);
}

/** The library proves inclusion in the tree of the signed checkpoint; what the proof itself says of the tree must be the same. */
function agreesWithCheckpoint({ inclusionProof: proof }: TransparencyLogEntry): boolean {
  if (!proof?.checkpoint) return true;
  const [, size, root] = proof.checkpoint.envelope.split('\n');
  return size === proof.treeSize && root === Buffer.from(proof.rootHash).toString('base64');
}

function isLoggedFor(entry: TransparencyLogEntry, material: SignedMaterial, signer: Signer): boolean {
  const logged = loggedKeyOf(entry.canonicalizedBody);
  if (!logged) return false;
  const spki = signer.key.key.export({ type: 'spki', format: 'der' });
  return logged.equals(spki) || material.certificates[0]?.equals(logged) === true;
}
