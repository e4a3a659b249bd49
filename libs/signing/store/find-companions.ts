import type { DataSource, EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';

const COLUMNS = { digest: 'c.digest', manifest: 'c.digest, c.bytes' } as const;

/** A tag of a repository with what it leads to now; the bytes too when the manifest was asked for. */
export interface Companion {
  readonly name: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

/** What tags lead to in the newest version of a repository, by name; those that are not there are left out. */
export async function findCompanions<Part extends keyof typeof COLUMNS>(
  source: DataSource | EntityManager,
  repositoryId: string,
  tags: readonly string[],
  part: Part,
): Promise<ReadonlyMap<string, Part extends 'manifest' ? Companion : Omit<Companion, 'bytes'>>> {
  if (tags.length === 0) return new Map();
  const rows = await rowsOf<Companion>(
    source,
    `select m.tag_name as name, ${COLUMNS[part]} from membership m join tag t on t.id = m.unit_id join manifest c on c.id = t.manifest_id
     where m.repository_id = $1 and m.tag_name = any($2::text[]) and m.removed_in is null`,
    [repositoryId, tags],
  );
  return new Map(rows.map((row) => [row.name, row]));
}
