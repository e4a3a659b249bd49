import type { TransparencyLogEntry } from '@sigstore/bundle';
import { VerificationError, type TrustMaterial as SigstoreTrust } from '@sigstore/verify';
import { createHash, verify } from 'node:crypto';
import { isObject } from '../strict-object.js';
import { refusal } from '../refusal.js';
import { specOf } from './log-body.js';
import type { SignedMaterial } from './signed-material.js';

/** The entries that `cosign attest` writes under `.att` tags, and that the library does not know. */
export function isIntoto1({ kindVersion, inclusionProof }: TransparencyLogEntry): boolean {
  return kindVersion.kind === 'intoto' && kindVersion.version === '0.0.1' && !inclusionProof;
}

/**
 * Verifies a promised entry of type intoto 0.0.1: the log signed it (Rekor, "signed entry timestamp": the canonical JSON of
 * four members), and it is for these envelope bytes. The type holds no signature to compare. Throws as the library does.
 */
export function verifyIntoto1(
  entry: TransparencyLogEntry,
  { envelope }: SignedMaterial,
  logs: SigstoreTrust['tlogs'],
): void {
  if (!logs.some((log) => isPromisedBy(log, entry)))
    throw new VerificationError({
      code: 'TLOG_INCLUSION_PROMISE_ERROR',
      message: 'inclusion promise could not be verified',
    });
  const { content } = specOf(entry.canonicalizedBody);
  const hash = isObject(content) ? content['hash'] : undefined;
  const expected = envelope && createHash('sha256').update(envelope).digest('hex');
  if (!isObject(hash) || hash['algorithm'] !== 'sha256' || expected === undefined || hash['value'] !== expected)
    throw refusal('TLOG_INVALID', 'it is for another envelope');
}

function isPromisedBy(
  { logID, publicKey, validFor }: SigstoreTrust['tlogs'][number],
  { logId, logIndex, integratedTime, canonicalizedBody, inclusionPromise }: TransparencyLogEntry,
): boolean {
  const time = new Date(Number(integratedTime) * 1000);
  if (!inclusionPromise || !logID.equals(logId.keyId) || time < validFor.start || time > validFor.end) return false;
  const promised = JSON.stringify({
    body: canonicalizedBody.toString('base64'),
    integratedTime: Number(integratedTime),
    logID: logID.toString('hex'),
    logIndex: Number(logIndex),
  });
  return verify('sha256', Buffer.from(promised), publicKey, inclusionPromise.signedEntryTimestamp);
}
