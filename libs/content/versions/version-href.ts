import type { DataSource, EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';

/** Address of a repository in the REST API: tasks reserve it and name it among what they made. */
export function repositoryHref(type: string, id: string): string {
  return `/pulp/api/v3/repositories/container/${type}/${id}/`;
}

/** Address of a version of a repository. */
export async function versionHref(
  source: DataSource | EntityManager,
  repositoryId: string,
  number: number,
): Promise<string> {
  const [row] = await rowsOf<{ type: string }>(source, 'select type from repository where id = $1', [repositoryId]);
  return `${repositoryHref(row?.type ?? 'container', repositoryId)}versions/${number}/`;
}
