import { type JsonLimits, parseStrictJson, StrictJsonError } from '#oci/strict-json.js';
import type { CheckCode } from '../report.js';
import { refusal } from './refusal.js';

/** An object read by the strict parser: no duplicate members, no prototype. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** True for JSON objects, not arrays. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Strictly parsed JSON object, or a refusal with the code; `what` names the document in the message. */
export function readObject(bytes: Uint8Array, what: string, code: CheckCode, limits?: JsonLimits): JsonObject {
  let value: unknown;
  try {
    value = parseStrictJson(bytes, limits);
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    throw refusal(code, `${what} is not strict JSON: ${error.message}`);
  }
  if (isObject(value)) return value;
  throw refusal(code, `${what} is not a JSON object`);
}
