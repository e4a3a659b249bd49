import type { EntityManager } from 'typeorm';
import type { Descriptor } from '#oci/descriptor.js';
import { blobsOf, type ParsedManifest } from '#oci/manifest.js';
import { preparedIn } from '#platform/database.js';
import { DomainError, invalid } from '#platform/domain-error.js';
import type { KnownContent } from './insert-manifest.js';

interface Row {
  readonly id: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * Ids of everything that manifests name and that this repository has, now or staged. The rows are locked against the
 * collector until the transaction ends. Throws MANIFEST_BLOB_UNKNOWN for what is missing and SIZE_INVALID for a wrong size.
 */
export async function requireContent(
  tx: EntityManager,
  repositoryId: string,
  ...all: readonly ParsedManifest[]
): Promise<KnownContent> {
  const wantedBlobs = all.flatMap(blobsOf);
  const blobs = await findAccessible(tx, 'blob', repositoryId, wantedBlobs);
  const named = all.flatMap((parsed) => (parsed.shape === 'prototype' ? parsed.subjects : parsed.children));
  const manifests = await findAccessible(tx, 'manifest', repositoryId, named);
  requireAll(wantedBlobs, blobs, 'blob');
  requireAll(named, manifests, 'manifest');
  return {
    blobs: new Map([...blobs].map(([digest, row]) => [digest, row.id])),
    manifests: new Map([...manifests].map(([digest, row]) => [digest, row.id])),
  };
}

async function findAccessible(
  tx: EntityManager,
  table: 'blob' | 'manifest',
  repositoryId: string,
  wanted: readonly Descriptor[],
): Promise<Map<string, Row>> {
  if (wanted.length === 0) return new Map();
  const rows = await preparedIn<Row>(
    tx,
    `require-${table}s`,
    `select c.id, c.digest, c.size from ${table} c
     where c.digest = any($2::text[])
       and (exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = c.id and m.removed_in is null)
         or exists (select 1 from staged s where s.repository_id = $1 and s.unit_id = c.id))
     order by c.id for key share of c`,
    [repositoryId, [...new Set(wanted.map((each) => each.digest))]],
  );
  return new Map(rows.map((row) => [row.digest, row]));
}

function requireAll(wanted: readonly Descriptor[], found: ReadonlyMap<string, Row>, what: 'blob' | 'manifest'): void {
  for (const descriptor of wanted) {
    const row = found.get(descriptor.digest);
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
}
