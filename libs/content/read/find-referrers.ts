import type { DataSource } from 'typeorm';
import { queryPrepared } from '#platform/database.js';
import { type ReadView, viewHas } from './find-manifest.js';

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

/** Which referrers of a subject are wanted. */
export interface ReferrersQuery {
  /** Artifact types, any of them; none for all. */
  readonly types?: readonly string[] | undefined;
  /** Id of the manifest after which to go on. */
  readonly after?: string | undefined;
}

/** Before every id. */
const FIRST = '00000000-0000-0000-0000-000000000000';

/** Most referrers that are looked at in one reading, and bytes of manifests after which no other is read. */
const MOST = 20_000;
const MOST_BYTES = 8 * 1024 * 1024;

/**
 * Referrers of a subject in a version, in the order in which they came, companion tags not among them. A subject may have
 * more than memory can take, annotations of megabytes each: `more` says that there is a rest to read after the last one.
 */
export async function findReferrers(
  source: DataSource,
  view: ReadView,
  subject: string,
  { types = [], after }: ReferrersQuery = {},
): Promise<{ readonly referrers: readonly FoundReferrer[]; readonly more: boolean }> {
  const text = `select c.id, c.digest, c.media_type as "mediaType", c.size, c.artifact_type as "artifactType", c.annotations,
      part.source, part.seen::int
    from (select id, source, sum(size) over (order by id) - size as before, count(*) over () as seen
      from (select c.id, c.size, l.source from relation l join manifest c on c.id = l.referrer_id
        where l.subject_digest = $3 and l.source <> 'cosign-tag' and l.referrer_id > $4
          and ($5::text[] is null or c.artifact_type = any($5))
          and ${viewHas('c.id')}
        order by l.referrer_id limit ${MOST}) as here) as part
    join manifest c on c.id = part.id where part.before < ${MOST_BYTES} order by c.id`;
  const rows = await queryPrepared<FoundReferrer & { seen: number }>(source, 'referrers', text, [
    view.repositoryId,
    view.pinned,
    subject,
    after ?? FIRST,
    types.length === 0 ? null : types,
  ]);
  const seen = rows[0]?.seen ?? 0;
  return { referrers: rows, more: seen > rows.length || seen === MOST };
}

/** A signature of a manifest, with its bytes. */
export interface FoundSignature {
  readonly id: string;
  readonly name: string;
  readonly digest: string;
  readonly format: string;
  readonly scheme: string;
  readonly bytes: Buffer;
}

/** Most signatures that are read of one manifest, whoever pushed them, and bytes after which no other is read. */
export const MOST_SIGNATURES = 500;

/**
 * Signatures of a manifest in a version with their bytes, oldest first. Of a manifest that has more than can be looked at,
 * those with the lowest digests: `more` says so.
 */
export async function findSignatures(
  source: DataSource,
  view: ReadView,
  manifestDigest: string,
  formats?: readonly string[],
): Promise<{ readonly signatures: readonly FoundSignature[]; readonly more: boolean }> {
  const text = `select g.id, g.name, g.digest, g.format, g.scheme, g.bytes, part.seen::int
    from (select id, sum(size) over (order by digest) - size as before, row_number() over (order by digest) as at,
        count(*) over () as seen
      from (select g.id, g.digest, octet_length(g.bytes) as size from signature g
        where g.manifest_digest = $3 and ($4::text[] is null or g.format = any($4)) and ${viewHas('g.id')}
        order by g.digest limit ${MOST_SIGNATURES + 1}) as here) as part
    join signature g on g.id = part.id where part.before < ${MOST_BYTES} and part.at <= ${MOST_SIGNATURES}
    order by g.pulp_created, g.id`;
  const rows = await queryPrepared<FoundSignature & { seen: number }>(source, 'signatures', text, [
    view.repositoryId,
    view.pinned,
    manifestDigest,
    formats ?? null,
  ]);
  return { signatures: rows, more: (rows[0]?.seen ?? 0) > rows.length };
}
