import pg from 'pg';
import { databaseUrl } from './database-url.js';
import type { Server } from './servers.js';

/** {@link addManyTags} in the database of a server. */
export async function growRepository(server: Server, name: string, digest: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: await databaseUrl(server) });
  await client.connect();
  try {
    await addManyTags(client, name, digest, count);
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
}

/**
 * Adds `tag-1`, `tag-2` … over as many manifests, which share the blobs of the manifest with the digest, to the newest version
 * of a repository, as rows: pushes would take hours.
 */
export async function addManyTags(
  database: { query(text: string, values: unknown[]): Promise<unknown> },
  name: string,
  digest: string,
  count: number,
): Promise<void> {
  await database.query(GROW, [digest, name, count]);
  await database.query(
    `update repository_version v set present = (select jsonb_object_agg(kind, count) from (
         select m.kind, count(*)::int from membership m where m.repository_id = r.id and m.removed_in is null group by 1) c)
       from repository r where r.id = v.repository_id and v.number = r.head and r.name = $1`,
    [name],
  );
}

const GROW = `
  with image as (select * from manifest where digest = $1),
  held as (select id, head from repository where name = $2),
  fresh as (
    insert into manifest (id, digest, media_type, schema_version, type, config_blob_id, annotations, labels, size, bytes,
                          compressed_image_size)
    select uuidv7(), 'sha256:' || encode(sha256((held.id || ' ' || n)::bytea), 'hex'), media_type, 2, type, config_blob_id, annotations,
           labels, size, bytes, compressed_image_size
      from image, held, generate_series(1, $3::int) n
    returning id, digest),
  blobs as (
    insert into manifest_blob (manifest_id, blob_id, position) select fresh.id, b.blob_id, b.position
      from fresh, manifest_blob b where b.manifest_id = (select id from image)),
  numbered as (select id, row_number() over () as n from fresh),
  tags as (insert into tag (id, name, manifest_id) select uuidv7(), 'tag-' || n, id from numbered returning id, name),
  kept as (
    insert into membership (repository_id, unit_id, kind, added_in)
    select held.id, fresh.id, 'manifest', held.head from fresh, held)
  insert into membership (repository_id, unit_id, kind, tag_name, added_in)
  select held.id, tags.id, 'tag', tags.name, held.head from tags, held`;
