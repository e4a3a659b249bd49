import { hrefTo, locate, prnOf } from '../rest/models.js';
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

/** What a task holds: resources by path and by PRN, other names as they are. */
export const reservedResources = (sql: string): Field => ({
  sql,
  schema: HREFS,
  readOnly: true,
  show: (names: string[]) => [...new Set(names.flatMap(bothNames))],
});

function bothNames(name: string): string[] {
  const mode = name.startsWith('shared:') ? 'shared:' : '';
  const found = locate(name.slice(mode.length));
  if (!found || !('id' in found)) return [name];
  return [`${mode}${hrefTo(found.model, found.id)}`, `${mode}${prnOf(found.model, found.id)}`];
}
