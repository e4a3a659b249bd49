import { noMatch } from './errors.js';
import { isKeyOf } from './models.js';
import type { Resource } from './resource.js';

/** The key in a path; one that cannot be a key names nothing. */
export function requireKeyOf(resource: Pick<Resource, 'model' | 'noun'>, id: string): string {
  if (!isKeyOf(resource.model, id)) throw noMatch(resource.noun);
  return id.toLowerCase();
}
