import type { DataSource } from 'typeorm';
import { queryPrepared } from '#platform/database.js';
import { MEMBER_AT, type ReadView } from './find-manifest.js';

/** A simple signature as clients read it. */
export interface SimpleSignature {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Bytes of signatures that clients still read in one list: in base64 they take 4 MiB and no more. */
const LIST_BYTES = 2_750_000;

/** The simple signatures of a manifest in a version, oldest first; of too many for one list the oldest, and one at least. */
export function listSimpleSignatures(source: DataSource, view: ReadView, digest: string): Promise<SimpleSignature[]> {
  return find(source, view, digest, null);
}

/** The simple signature at a place in the list, counted from 1. */
export async function findSimpleSignature(
  source: DataSource,
  view: ReadView,
  digest: string,
  place: number,
): Promise<SimpleSignature | undefined> {
  return (await find(source, view, digest, place))[0];
}

function find(source: DataSource, view: ReadView, digest: string, place: number | null): Promise<SimpleSignature[]> {
  const text = `select name, bytes from (
      select g.name, g.bytes, row_number() over oldest as place, sum(octet_length(g.bytes)) over oldest as total
      from signature g where g.manifest_digest = $3 and g.format = 'simple'
        and (exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = g.id and ${MEMBER_AT})
          or ($2::int is null and exists (select 1 from staged s where s.repository_id = $1 and s.unit_id = g.id)))
      window oldest as (order by g.pulp_created, g.id)) as listed
    where case when $4::int is null then place = 1 or total <= ${LIST_BYTES} else place = $4 end order by place`;
  return queryPrepared(source, 'simple-signatures', text, [view.repositoryId, view.pinned, digest, place]);
}
