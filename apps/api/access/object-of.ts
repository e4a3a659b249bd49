import { modelOfKey } from '#access/permission-names.js';
import { MODELS, type ModelName } from '../rest/models.js';

/** Shows the object that a role is about, by its key; null for roles on everything. */
export function assignedTo(key: string | null, show: (model: ModelName, id: string) => string): string | null {
  if (key === null) return null;
  const model = modelOfKey(key);
  return Object.hasOwn(MODELS, model) ? show(model as ModelName, key.slice(model.length + 1)) : null;
}
