import type { DataSource, EntityManager } from 'typeorm';
import type { UnitRef } from '#content/versions/apply-change.js';
import { closureOf } from '#content/versions/closure.js';
import { rowsOf } from '#platform/database.js';
import { commitEarly } from '#platform/durability.js';
import { newId } from '#platform/identifiers.js';

/** A blob that is known here. */
export interface HeldBlob {
  readonly id: string;
  readonly size: number;
  readonly stored: boolean;
}

/**
 * Keeps the collector off content that belongs to no version yet. The holder is no repository, so nothing of it can be
 * read or becomes a version; what a crash leaves is dropped with other forgotten staging. No manifest may be among the
 * kinds for that, since those are given versions.
 */
export async function hold(tx: EntityManager, holderId: string, units: readonly UnitRef[]): Promise<void> {
  if (units.length === 0) return;
  await tx.query(
    `insert into staged (repository_id, unit_id, kind)
     select $1::uuid, u.id, u.kind from unnest($2::uuid[], $3::text[]) as u(id, kind) order by u.id
     on conflict (repository_id, unit_id) do nothing`,
    [holderId, units.map(({ id }) => id), units.map(({ kind }) => (kind === 'blob' ? kind : 'signature'))],
  );
}

/** Lets everything go that a holder kept. */
export async function release(source: DataSource, holderId: string): Promise<void> {
  await source.query('delete from staged where repository_id = $1', [holderId]);
}

/** Blobs by digest that have rows, held so that they stay. */
export function holdBlobs(
  source: DataSource,
  holderId: string,
  digests: readonly string[],
): Promise<Map<string, HeldBlob>> {
  return commitEarly(source, async (tx) => {
    const rows = await rowsOf<HeldBlob & { digest: string }>(
      tx,
      'select id, digest, size, stored from blob where digest = any($1::text[]) order by id for key share',
      [digests],
    );
    await hold(
      tx,
      holderId,
      rows.map(({ id }) => ({ id, kind: 'blob' })),
    );
    return new Map(rows.map((row) => [row.digest, row]));
  });
}

/**
 * Manifests that list no others and are here with all their blobs, which are stored or, for a remote that defers them,
 * known to be upstream. They are held with their blobs, so that they stay.
 */
export function findWhole(
  source: DataSource,
  holderId: string,
  digests: readonly string[],
  remoteId: string | undefined,
): Promise<Set<string>> {
  return commitEarly(source, async (tx) => {
    const rows = await rowsOf<{ id: string; digest: string }>(
      tx,
      `select c.id, c.digest from manifest c where c.digest = any($1::text[]) and c.type <> 'index'
         and not exists (select 1 from manifest_blob k join blob b on b.id = k.blob_id
           where k.manifest_id = c.id and not b.stored
             and not exists (select 1 from remote_blob r where r.blob_id = b.id and r.remote_id = $2::uuid))
       order by c.id for key share of c`,
      [digests, remoteId ?? null],
    );
    const closure = await closureOf(
      tx,
      rows.map((row) => row.id),
    );
    await hold(tx, holderId, closure);
    return new Set(rows.map((row) => row.digest));
  });
}

/** Rows of blobs, made or touched under the lock that holds off the collector. Ids by digest. */
export async function writeBlobs(
  tx: EntityManager,
  blobs: readonly { readonly digest: string; readonly size: number; readonly stored: boolean }[],
): Promise<Map<string, string>> {
  if (blobs.length === 0) return new Map();
  const sorted = [...blobs].sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const digests = sorted.map(({ digest }) => digest);
  await tx.query(
    'select pg_advisory_xact_lock_shared(hashtextextended(d, 7246)) from unnest($1::text[]) with ordinality as w(d, n) order by n',
    [digests],
  );
  const rows = await rowsOf<{ id: string; digest: string }>(
    tx,
    `insert into blob (id, digest, size, stored) select * from unnest($1::uuid[], $2::text[], $3::bigint[], $4::boolean[])
     on conflict (digest) do update set touched_at = now(), stored = blob.stored or excluded.stored returning id, digest`,
    [digests.map(() => newId()), digests, sorted.map(({ size }) => size), sorted.map(({ stored }) => stored)],
  );
  return new Map(rows.map((row) => [row.digest, row.id]));
}
