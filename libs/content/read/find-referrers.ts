import type { DataSource } from 'typeorm';
import { queryPrepared } from '#platform/database.js';
import { MEMBER_AT, type ReadView } from './find-manifest.js';

/** A manifest that refers to a subject. */
export interface FoundReferrer {
  readonly id: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly artifactType: string | null;
  readonly annotations: Record<string, string>;
  readonly source: string;
}

/** Referrers of a subject in a version, oldest first. Companion tags are not among them unless asked for. */
export async function findReferrers(
  source: DataSource,
  view: ReadView,
  subject: string,
  options: { companions?: boolean } = {},
): Promise<FoundReferrer[]> {
  const text = `select c.id, c.digest, c.media_type as "mediaType", c.size, c.artifact_type as "artifactType", c.annotations, l.source
    from relation l join manifest c on c.id = l.referrer_id
    where l.subject_digest = $3 and ($4 or l.source <> 'cosign-tag')
      and (exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = c.id and ${MEMBER_AT})
        or ($2::int is null and exists (select 1 from staged s where s.repository_id = $1 and s.unit_id = c.id)))
    order by c.pulp_created, c.id`;
  return queryPrepared<FoundReferrer>(source, 'referrers', text, [
    view.repositoryId,
    view.pinned,
    subject,
    options.companions ?? false,
  ]);
}

/** Signatures of a manifest in a version with their bytes, oldest first. */
export async function findSignatures(
  source: DataSource,
  view: ReadView,
  manifestDigest: string,
  formats?: readonly string[],
): Promise<{ id: string; name: string; digest: string; format: string; scheme: string; bytes: Buffer }[]> {
  const text = `select g.id, g.name, g.digest, g.format, g.scheme, g.bytes from signature g
    where g.manifest_digest = $3 and ($4::text[] is null or g.format = any($4))
      and (exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = g.id and ${MEMBER_AT})
        or ($2::int is null and exists (select 1 from staged s where s.repository_id = $1 and s.unit_id = g.id)))
    order by g.pulp_created, g.id`;
  return queryPrepared(source, 'signatures', text, [view.repositoryId, view.pinned, manifestDigest, formats ?? null]);
}
