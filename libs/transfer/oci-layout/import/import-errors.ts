import { DomainError, isDomainError } from '#platform/domain-error.js';
import { asStorageError } from '#storage/storage-errors.js';

/** The archive, or what is in it, does not fit. */
export const diskFull = (cause?: unknown) =>
  new DomainError('no-space', 'NO_SPACE', 'The archive does not fit on the disk; free space and send it again.', {
    cause,
  });

/** Turns a full disk into what the sender of an archive can do, and leaves everything else as it is. */
export function asImportError(error: unknown): unknown {
  const told = asStorageError(error);
  return isDomainError(told) && told.kind === 'no-space' ? diskFull(told) : told;
}
