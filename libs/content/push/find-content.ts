import type { EntityManager } from 'typeorm';
import type { Descriptor } from '#oci/descriptor.js';
import { blobsOf, type ParsedManifest } from '#oci/manifest.js';
import { listParameters, ONE_BY_ONE, preparedIn } from '#platform/database.js';
import { DomainError, invalid } from '#platform/domain-error.js';
import type { KnownContent } from './insert-manifests.js';

interface Row {
  readonly repositoryId: string;
  readonly id: string;
  readonly digest: string;
  readonly size: number;
}

/** A manifest and the repository that it goes to. */
export interface Arrival {
  readonly repositoryId: string;
  readonly parsed: ParsedManifest;
}

/**
 * Ids of everything that manifests name and that their repositories have, now or staged. The rows are locked against the
 * collector until the transaction ends. Throws MANIFEST_BLOB_UNKNOWN for what is missing and SIZE_INVALID for a wrong size.
 */
export async function requireContent(tx: EntityManager, arrivals: readonly Arrival[]): Promise<KnownContent> {
  return {
    blobs: await requireAll(tx, 'blob', arrivals, blobsOf),
    manifests: await requireAll(tx, 'manifest', arrivals, listedBy),
  };
}

const listedBy = (parsed: ParsedManifest) => (parsed.shape === 'prototype' ? parsed.subjects : parsed.children);

async function requireAll(
  tx: EntityManager,
  table: 'blob' | 'manifest',
  arrivals: readonly Arrival[],
  namedBy: (parsed: ParsedManifest) => readonly Descriptor[],
): Promise<Map<string, string>> {
  const wanted = arrivals.flatMap(({ repositoryId, parsed }) =>
    namedBy(parsed).map((descriptor) => ({ descriptor, key: `${repositoryId} ${descriptor.digest}` })),
  );
  if (wanted.length === 0) return new Map();
  // Writers lock the same rows in the same order.
  const keys = [...new Set(wanted.map(({ key }) => key))].sort().map((key) => key.split(' ', 2));
  const rows = await preparedIn<Row>(
    tx,
    `require-${table}s`,
    `select w.repository_id as "repositoryId", c.id, c.digest, c.size
     from unnest(${listParameters(1, 'uuid', 'text')}) as w(repository_id, digest) cross join lateral (
       select c.id, c.digest, c.size from ${table} c where c.digest = w.digest and (
         exists (select 1 from membership m
           where m.repository_id = w.repository_id and m.unit_id = c.id and m.removed_in is null ${ONE_BY_ONE})
         or exists (select 1 from staged s where s.repository_id = w.repository_id and s.unit_id = c.id ${ONE_BY_ONE}))
       for key share of c) c`,
    [keys.map(([repositoryId]) => repositoryId), keys.map(([, digest]) => digest)],
  );
  const found = new Map(rows.map((row) => [`${row.repositoryId} ${row.digest}`, row]));
  for (const { descriptor, key } of wanted) requireOne(descriptor, found.get(key), table);
  return new Map(rows.map(({ digest, id }) => [digest, id]));
}

function requireOne(descriptor: Descriptor, row: Row | undefined, what: 'blob' | 'manifest'): void {
  if (!row)
    throw new DomainError(
      'not-found',
      'MANIFEST_BLOB_UNKNOWN',
      `the ${what} ${descriptor.digest} is not in this repository; push it first`,
      {
        detail: { digest: descriptor.digest },
      },
    );
  if (row.size !== descriptor.size)
    throw invalid(
      `the manifest gives ${descriptor.size} bytes for ${descriptor.digest}, which has ${row.size}`,
      'size',
      'MANIFEST_INVALID',
      { digest: descriptor.digest, size: row.size },
    );
}
