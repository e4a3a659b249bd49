import { type TransparencyLogEntry } from '@sigstore/bundle';
import { TransparencyLogEntry as LogEntry } from '@sigstore/protobuf-specs';
import { decodeBase64 } from '../base64.js';
import { refusal } from '../refusal.js';
import { isObject, readObject } from '../strict-object.js';

/** The log entry in a layer's bundle annotation (cosign, "Rekor bundle": a signed entry timestamp and what it signs). */
export function logEntriesOf(annotation: string | undefined): readonly TransparencyLogEntry[] {
  if (!annotation) return [];
  const document = readObject(Buffer.from(annotation), 'the log entry', 'TLOG_INVALID');
  const { SignedEntryTimestamp: promise, Payload: payload } = document;
  if (!isObject(payload) || decodeBase64(promise) === undefined) throw invalid('has no signed entry timestamp');
  const { body, integratedTime, logIndex, logID } = payload;
  if (!decodeBase64(body) || !Number.isSafeInteger(integratedTime) || !Number.isSafeInteger(logIndex))
    throw invalid('has no body, time or index');
  if (typeof logID !== 'string' || !/^[0-9a-f]{64}$/.test(logID)) throw invalid('has no log id');
  const entry = LogEntry.fromJSON({
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(logID, 'hex').toString('base64') },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: promise },
    canonicalizedBody: body,
  });
  return [entry as TransparencyLogEntry];
}

/** The RFC 3161 response in a layer's timestamp annotation. */
export function timestampsOf(annotation: string | undefined): readonly Buffer[] {
  if (!annotation) return [];
  const document = readObject(Buffer.from(annotation), 'the timestamp', 'TIMESTAMP_INVALID');
  const response = decodeBase64(document['SignedRFC3161Timestamp']);
  if (!response) throw refusal('TIMESTAMP_INVALID', 'the timestamp annotation holds no RFC 3161 response in base64');
  return [response];
}

const invalid = (problem: string) => refusal('TLOG_INVALID', `the log entry of the layer ${problem}`);
