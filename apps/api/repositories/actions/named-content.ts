import type { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { badCombination, badField, badRequest } from '../../rest/errors.js';
import { locate } from '../../rest/models.js';
import type { RestContext } from '../../rest/context.js';
import type { Rest } from '../../rest/rest.js';
import { allOf, SqlValues } from '../../rest/sql.js';
import { ALL_CONTENT } from '../../content/all-content.controller.js';
import { CONTENT_MODELS } from '../../content/content-models.js';

/**
 * Keys of the content units that hrefs or PRNs name; all must exist and be ones that the caller sees. The 400 says it of the
 * field, or of none as a list.
 */
export async function contentKeys(
  rest: Rest,
  context: RestContext,
  uris: readonly string[],
  field?: string,
): Promise<string[]> {
  const refusal = (text: string) => (field === undefined ? badRequest([text]) : badField(field, text));
  const keys = uris.map((uri) => {
    const found = locate(uri);
    if (!found) throw refusal(`URI not valid: ${uri.slice(0, 300)}`);
    if (!('id' in found) || !(CONTENT_MODELS as readonly string[]).includes(found.model))
      throw refusal(`URI ${uri.slice(0, 300)} is not a valid Content.`);
    return found.id;
  });
  const known = await visibleKeys(rest, context, keys);
  const missing = uris.filter((_uri, index) => !known.has(keys[index]!));
  if (missing.length > 0)
    throw refusal(`Could not find the following content units: [${missing.map((uri) => `'${uri}'`).join(', ')}]`);
  return keys;
}

async function visibleKeys(rest: Rest, context: RestContext, keys: readonly string[]): Promise<Set<string>> {
  const visible = await rest.decisions.scopeOf(context, ALL_CONTENT);
  const values = new SqlValues();
  const where = allOf([`t.id = any(${values.bind(keys)}::uuid[])`, visible(values)]);
  const rows = await rowsOf<{ id: string }>(
    rest.source,
    `select t.id from ${ALL_CONTENT.from} where ${where}`,
    values.values,
  );
  return new Set(rows.map(({ id }) => id));
}

/** The keys to remove; `*` alone stands for everything. */
export async function removalKeys(
  rest: Rest,
  context: RestContext,
  uris: readonly string[],
  field: string,
): Promise<string[] | 'everything'> {
  if (!uris.includes('*')) return contentKeys(rest, context, uris);
  if (uris.length > 1) throw badCombination(`'*' should be the only item present in the ${field}`);
  return 'everything';
}

/** A repository's newest version, as texts name it. */
export async function latestHref(source: DataSource, repositoryId: string, href: string): Promise<string> {
  const [row] = await rowsOf<{ head: number }>(source, 'select head from repository where id = $1', [repositoryId]);
  return `${href}versions/${row?.head ?? 0}/`;
}

/** The manifest with a digest in the newest version, with the tags that point at it. */
export async function requireManifest(
  source: DataSource,
  repositoryId: string,
  digest: string,
  href: string,
): Promise<string[]> {
  const rows = await rowsOf<{ id: string }>(
    source,
    `select c.id from manifest c join membership m on m.unit_id = c.id and m.repository_id = $1 and m.removed_in is null
      where c.digest = $2
     union all
     select t.id from manifest c join tag t on t.manifest_id = c.id
       join membership m on m.unit_id = t.id and m.repository_id = $1 and m.removed_in is null where c.digest = $2`,
    [repositoryId, digest],
  );
  if (rows.length > 0) return rows.map(({ id }) => id);
  const version = await latestHref(source, repositoryId, href);
  throw badCombination(
    `A manifest with the digest '${digest}' does not exist in the latest repository version '${version}'`,
  );
}

/** Refuses tags that the newest version does not have. */
export async function requireTag(source: DataSource, repositoryId: string, tag: string, href: string): Promise<void> {
  const rows = await rowsOf(
    source,
    'select 1 from membership where repository_id = $1 and tag_name = $2 and removed_in is null',
    [repositoryId, tag],
  );
  if (rows.length > 0) return;
  const version = await latestHref(source, repositoryId, href);
  throw badField('tag', `The tag '${tag}' does not exist in the latest repository version '${version}'`);
}

/** Signatures of the newest version that a key made. */
export async function signaturesByKey(
  source: DataSource,
  repositoryId: string,
  keyId: string,
  href: string,
): Promise<string[]> {
  const rows = await rowsOf<{ id: string }>(
    source,
    `select g.id from membership m join signature g on g.id = m.unit_id
      where m.repository_id = $1 and m.kind = 'signature' and m.removed_in is null and g.key_id = $2`,
    [repositoryId, keyId],
  );
  if (rows.length > 0) return rows.map(({ id }) => id);
  const version = await latestHref(source, repositoryId, href);
  throw badCombination(
    `There are no signatures in the latest repository version '${version}' produced with the specified key_id '${keyId}'`,
  );
}
