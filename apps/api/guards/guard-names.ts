import { hrefTo, prnOf, type ModelName } from '../rest/models.js';

const MODEL_BY_TYPE: Readonly<Record<string, ModelName>> = {
  content_redirect: 'core.contentredirectcontentguard',
  rbac: 'core.rbaccontentguard',
  header: 'core.headercontentguard',
  composite: 'core.compositecontentguard',
};

function named(typed: string, name: (model: ModelName, id: string) => string): string {
  const [type = '', id = ''] = typed.split(' ');
  return name(MODEL_BY_TYPE[type]!, id);
}

/** The path of a guard that SQL yields as its type and its key. */
export const guardHref = (typed: string): string => named(typed, hrefTo);

/** The PRN of a guard that SQL yields as its type and its key. */
export const guardPrn = (typed: string): string => named(typed, prnOf);
