import type { DataSource } from 'typeorm';
import { objectKey } from '#access/permission-names.js';
import { rowsOf } from '#platform/database.js';
import type { Ground } from './rules.js';

/** Object keys on which permissions for one object may be held. */
export type GroundKeys = Readonly<Record<Ground, readonly string[]>>;

interface Served {
  readonly id: string;
  readonly namespace_id: string | null;
}

const BY_TABLE: Readonly<Record<string, string>> = {
  repository: `select id, namespace_id from distribution d where d.repository_id = $1 or d.repository_version_id in
    (select v.id from repository_version v where v.repository_id = $1)`,
  distribution: 'select id, namespace_id from distribution where id = $1',
  namespace: 'select null as id, id as namespace_id from namespace where id = $1',
};

/** The distributions that serve an object and the namespaces that they are in. */
export async function groundKeys(source: DataSource, table: string, id: string): Promise<GroundKeys> {
  const sql = BY_TABLE[table];
  const rows = sql === undefined ? [] : await rowsOf<Served>(source, sql, [id]);
  return {
    object: [],
    distribution: rows.filter((row) => row.id).map((row) => objectKey('container.containerdistribution', row.id)),
    namespace: rows
      .filter((row) => row.namespace_id)
      .map((row) => objectKey('container.containernamespace', row.namespace_id!)),
  };
}
