import type { DataSource } from 'typeorm';
import { queryPrepared } from '#platform/database.js';

/** Exact bytes of several manifests by id. */
export async function readManifestBytes(source: DataSource, ids: readonly string[]): Promise<Map<string, Buffer>> {
  if (ids.length === 0) return new Map();
  const rows = await queryPrepared<{ id: string; bytes: Buffer }>(
    source,
    'manifest-bytes',
    'select id, bytes from manifest where id = any($1::uuid[])',
    [ids],
  );
  return new Map(rows.map(({ id, bytes }) => [id, bytes]));
}
