import { accessEntities } from '#access/entities.js';
import { contentEntities } from '#content/entities.js';
import { signingEntities } from '#signing/entities.js';
import { taskEntities } from '#tasks/entities.js';
import { transferEntities } from '#transfer/entities.js';

/** Every table of the product. */
export const entities = [
  ...taskEntities,
  ...accessEntities,
  ...contentEntities,
  ...signingEntities,
  ...transferEntities,
];
