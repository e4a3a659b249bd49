import type { ModelName } from '../rest/models.js';
import { severalModels } from '../rest/several-models.js';

const MODEL_BY_TYPE: Readonly<Record<string, ModelName>> = {
  content_redirect: 'core.contentredirectcontentguard',
  rbac: 'core.rbaccontentguard',
  header: 'core.headercontentguard',
  composite: 'core.compositecontentguard',
};

/** Names of content guards, whatever their type. */
export const GUARD_NAMES = severalModels('core', (type) => MODEL_BY_TYPE[type]!);
