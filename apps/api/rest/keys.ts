import { isUuid } from '#platform/identifiers.js';
import { noMatch } from './errors.js';
import { MODELS, type Model } from './models.js';
import type { Resource } from './resource.js';

/** The key in a path; one that cannot be a key names nothing. */
export function requireKeyOf(resource: Pick<Resource, 'model' | 'noun'>, id: string): string {
  const { integerKey } = MODELS[resource.model] as Model;
  const possible = integerKey ? /^\d{1,9}$/.test(id) : isUuid(id);
  if (!possible) throw noMatch(resource.noun);
  return id.toLowerCase();
}
