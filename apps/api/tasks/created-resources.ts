import { locate, prnOf } from '../rest/models.js';
import type { Field } from '../rest/fields.js';

const HREFS = { type: 'array', items: { type: 'string' } };

/** Paths of what a task made. */
export const createdResources = (sql: string): Field => ({ sql, schema: HREFS, readOnly: true });

/** The PRNs of paths; paths of versions have no key, so they stay as they are. */
export const prnsOfHrefs = (sql: string): Field => ({
  sql,
  schema: HREFS,
  readOnly: true,
  show: (hrefs: string[]) => hrefs.map(prnOfHref),
});

function prnOfHref(href: string): string {
  const found = locate(href);
  return found && 'id' in found ? prnOf(found.model, found.id) : href;
}
