import type { DataSource, EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';

/** The digest behind each tag of the newest version. */
export async function tagsNow(source: DataSource | EntityManager, repositoryId: string): Promise<Map<string, string>> {
  const rows = await rowsOf<{ name: string; digest: string }>(
    source,
    `select m.tag_name as name, c.digest from membership m join tag t on t.id = m.unit_id join manifest c on c.id = t.manifest_id
     where m.repository_id = $1 and m.removed_in is null and m.tag_name is not null`,
    [repositoryId],
  );
  return new Map(rows.map((row) => [row.name, row.digest]));
}

/** Which of these manifests the newest version has. */
export async function manifestsNow(
  source: DataSource | EntityManager,
  repositoryId: string,
  digests: readonly string[],
): Promise<Set<string>> {
  if (digests.length === 0) return new Set();
  const rows = await rowsOf<{ digest: string }>(
    source,
    `select c.digest from manifest c join membership m on m.unit_id = c.id and m.repository_id = $1 and m.removed_in is null
     where c.digest = any($2::text[])`,
    [repositoryId, digests],
  );
  return new Set(rows.map((row) => row.digest));
}

/** True when a blob of the newest version is only upstream. */
export async function hasUnstored(source: DataSource, repositoryId: string): Promise<boolean> {
  const rows = await rowsOf(
    source,
    `select 1 from membership m join blob b on b.id = m.unit_id
     where m.repository_id = $1 and m.removed_in is null and m.kind = 'blob' and not b.stored limit 1`,
    [repositoryId],
  );
  return rows.length > 0;
}

/** A stored signature with what it is about and what carries it. */
export interface CarriedSignature {
  readonly id: string;
  readonly carrier: string;
  readonly subject: string;
  readonly digest: string;
  readonly format: string;
  readonly kind: string;
  readonly bytes: Buffer;
}

/** The signatures inside carriers, given by digest. */
export function signaturesIn(source: DataSource, carriers: readonly string[]): Promise<CarriedSignature[]> {
  if (carriers.length === 0) return Promise.resolve([]);
  return rowsOf(
    source,
    `select g.id, c.digest as carrier, g.manifest_digest as subject, g.digest, g.format, g.kind, g.bytes
     from manifest c join signature_carrier k on k.carrier_id = c.id join signature g on g.id = k.signature_id
     where c.digest = any($1::text[]) order by g.pulp_created, g.id`,
    [carriers],
  );
}
