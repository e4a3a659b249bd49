import type { TransparencyLogEntry } from '@sigstore/bundle';
import { refusal } from '../refusal.js';
import { readCertificate } from '../x509/certificate.js';
import { findValidityProblem } from '../x509/certificate-path.js';
import { checkpointOf, isIncluded, isOfTiles } from './checkpoint.js';
import type { LogBody } from './log-body.js';
import type { Signer } from './signature-check.js';
import type { SignedMaterial } from './signed-material.js';
import { isSignedByLog, type TransparencyLog } from './transparency-log.js';

/**
 * Verifies an entry of a log: the log promised it or shows that it has it, and it is for this signature and this signer. False
 * when the log's promise does not hold, which for the clients makes no entry; throws `DomainError` for anything else.
 */
export function verifyLogEntry(
  entry: TransparencyLogEntry,
  body: LogBody,
  log: TransparencyLog,
  material: SignedMaterial,
  signer: Signer | undefined,
): boolean {
  const { isTile } = body;
  const { inclusionPromise, inclusionProof } = entry;
  if (!inclusionProof && (isTile || !inclusionPromise)) throw invalid('it has no inclusion proof');
  if (inclusionPromise && (isTile || !isPromised(entry, log))) return false;
  if (inclusionProof) {
    const checkpoint = checkpointOf(entry);
    if (!checkpoint || isOfTiles(checkpoint) !== isTile) throw invalid('it has no checkpoint of its kind of log');
    if (!isIncluded(entry, checkpoint, log)) throw invalid('the log does not have it: its inclusion proof is wrong');
  }
  if (!body.isFor(material)) throw invalid('it is for another signature');
  if (signer && !isLoggedFor(body.key(), material, signer)) throw invalid('it is for another key');
  const [der] = material.certificates;
  const leaf = der && entry.integratedTime !== '0' ? readCertificate(der) : undefined;
  const problem = leaf && findValidityProblem([leaf], [timeOf(entry)]);
  if (problem) throw invalid(`it was made while the certificate was not valid: ${problem.detail}`);
  return true;
}

/** When an entry was made; only a promise signs that. */
export function timeOf(entry: TransparencyLogEntry): Date {
  return new Date(Number(entry.integratedTime) * 1000);
}

/** The "signed entry timestamp" of Rekor 1: over the canonical JSON of four members, by a key that was valid then. */
function isPromised(entry: TransparencyLogEntry, { id, key, validFor }: TransparencyLog): boolean {
  const time = timeOf(entry);
  if (key.asymmetricKeyType !== 'ec' || time < validFor.start || time > validFor.end) return false;
  const promised = JSON.stringify({
    body: entry.canonicalizedBody.toString('base64'),
    integratedTime: Number(entry.integratedTime),
    logID: id.toString('hex'),
    logIndex: Number(entry.logIndex),
  });
  return isSignedByLog(key, Buffer.from(promised), entry.inclusionPromise!.signedEntryTimestamp, 'sha256');
}

/** Who signs with a certificate logs the certificate, who signs with a key the key. */
function isLoggedFor(logged: Buffer | undefined, { certificates }: SignedMaterial, { key }: Signer): boolean {
  return logged?.equals(certificates[0] ?? key.key.export({ type: 'spki', format: 'der' })) === true;
}

const invalid = (problem: string) => refusal('TLOG_INVALID', problem);
