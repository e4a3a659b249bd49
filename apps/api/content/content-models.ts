import type { ModelName } from '../rest/models.js';

/** Models of content units. */
export const CONTENT_MODELS = [
  'container.blob',
  'container.manifest',
  'container.tag',
  'container.manifestsignature',
] as const satisfies readonly ModelName[];
