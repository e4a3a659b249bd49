import { DomainError } from '#platform/domain-error.js';
import type { CheckCode } from '../../report.js';

/** Longest signature, bundle or attestation that is read, in bytes. */
export const MAX_SIGNATURE_BYTES = 16 * 1024 * 1024;

/** The code and text of something that was thrown while input was read; anything unplanned is malformed input too. */
export function reasonOf(error: unknown, fallback: CheckCode): { code: CheckCode; detail: string } {
  if (error instanceof DomainError) return { code: error.code as CheckCode, detail: error.message };
  return { code: fallback, detail: error instanceof Error ? error.message : 'it cannot be read' };
}
