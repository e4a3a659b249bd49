import { StrictJsonError, parseStrictJson } from '#oci/strict-json.js';
import { DomainError, invalid } from '#platform/domain-error.js';
import type { CheckCode } from '../../report.js';

/** Longest signature, bundle or attestation that is read, in bytes. */
export const MAX_SIGNATURE_BYTES = 16 * 1024 * 1024;

/** Bad input under a code of the report taxonomy. */
export const refused = (code: CheckCode, message: string) => invalid(message, 'signature', code);

/** The code and text of something that was thrown while input was read; anything unplanned is malformed input too. */
export function reasonOf(error: unknown, fallback: CheckCode): { code: CheckCode; detail: string } {
  if (error instanceof DomainError) return { code: error.code as CheckCode, detail: error.message };
  return { code: fallback, detail: error instanceof Error ? error.message : 'it cannot be read' };
}

/** An object read by the strict parser: no duplicate members, no prototype. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** True for JSON objects, not arrays. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Strictly parsed JSON object; `what` names the document in the message. */
export function readObject(bytes: Uint8Array, what: string, code: CheckCode): JsonObject {
  try {
    const value = parseStrictJson(bytes);
    if (isObject(value)) return value;
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    throw refused(code, `${what} is not strict JSON: ${error.message}`);
  }
  throw refused(code, `${what} is not a JSON object`);
}
