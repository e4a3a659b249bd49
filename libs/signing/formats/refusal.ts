import { DomainError } from '#platform/domain-error.js';
import type { CheckCode } from '../report.js';

/** The error of a signature that cannot be read, with the code that the report shows. */
export const refusal = (code: CheckCode, message: string, cause?: unknown): DomainError =>
  new DomainError('invalid', code, message, { field: 'signature', ...(cause === undefined ? {} : { cause }) });
