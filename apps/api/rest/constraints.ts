import { EntityNotFoundError } from 'typeorm';
import { isRefusedValue, isUniqueViolation, isReferenceViolation, violatedKey } from '#platform/database.js';
import { conflict, invalid, notFound, type DomainError } from '#platform/domain-error.js';
import { noMatch } from './errors.js';
import { MODELS, type Model } from './models.js';

/**
 * What the database's refusal of a change means for whoever asked for it: it decides what checks before it cannot, that
 * nobody else made or deleted something meanwhile. `path` is that of the request; what it names is not found when it is
 * gone, and what a body names is a wrong value. Undefined for everything else.
 */
export function refusedChange(error: unknown, path = ''): DomainError | undefined {
  if (isUniqueViolation(error)) return invalid('This field must be unique.', violatedKey(error)?.column);
  if (isReferenceViolation(error)) return lostReference(error, path);
  if (isRefusedValue(error)) return invalid('A value is not valid, or too long.');
  if (error instanceof EntityNotFoundError) return notFound('Not found.');
  return undefined;
}

function lostReference(error: unknown, path: string): DomainError {
  const key = violatedKey(error);
  if (!key?.missingIn) return conflict('Something else needs it still, or came to need it just now.');
  if (path.split(/[/?]/).includes(key.value)) return noMatch(nounOf(key.missingIn));
  return invalid('Invalid hyperlink - Object does not exist.', key.column?.replace(/_id$/, ''));
}

/** What rows of a table are called. */
function nounOf(table: string): string {
  const model = Object.values<Model>(MODELS).find((each) => each.table === table && !each.discriminator);
  return model?.noun ?? 'object';
}
