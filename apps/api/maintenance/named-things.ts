import type { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { namedVersion } from '../repositories/named-versions.js';
import { badField } from '../rest/errors.js';
import { locate, type ModelName } from '../rest/models.js';

const REPOSITORIES: readonly ModelName[] = ['container.containerrepository', 'container.containerpushrepository'];

/** Keys of repositories by href or PRN; `*` stands for all. */
export async function repositoryKeys(source: DataSource, field: string, uris: readonly string[]): Promise<string[]> {
  const keys: string[] = [];
  for (const uri of uris.filter((each) => each !== '*')) {
    const found = locate(uri);
    if (!found || !('id' in found) || !REPOSITORIES.includes(found.model))
      throw badField(field, `URI not valid: ${uri.slice(0, 300)}`);
    keys.push(found.id);
  }
  const all = uris.includes('*');
  const rows = await rowsOf<{ id: string }>(source, 'select id from repository where $2 or id = any($1::uuid[])', [
    keys,
    all,
  ]);
  const known = new Set(rows.map(({ id }) => id));
  const unknown = all ? undefined : uris.find((_uri, index) => !known.has(keys[index]!));
  if (unknown !== undefined) throw badField(field, `URI ${unknown.slice(0, 300)} not found for repository.`);
  return [...known];
}

/** Keys of versions by href or PRN. */
export async function versionKeys(source: DataSource, field: string, uris: readonly string[]): Promise<string[]> {
  const keys: string[] = [];
  for (const uri of uris) {
    const found = locate(uri);
    if (found?.model !== 'core.repositoryversion') throw badField(field, `URI not valid: ${uri.slice(0, 300)}`);
    keys.push((await namedVersion(source, found, field)).id);
  }
  return keys;
}
