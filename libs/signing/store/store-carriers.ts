import type { EntityManager } from 'typeorm';
import { refreshFallbacks } from '#content/push/fallback-index.js';
import { requireContent } from '#content/push/find-content.js';
import { insertManifests } from '#content/push/insert-manifests.js';
import { insertSignatures } from '#content/push/insert-signatures.js';
import type { UnitRef } from '#content/versions/apply-change.js';
import { closureOf } from '#content/versions/closure.js';
import { parseCompanionTag } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import { DomainError } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { findCompanions } from './find-companions.js';
import type { CarrierDraft } from './prepare-signatures.js';

interface Tagged {
  readonly tag: string;
  readonly manifestId: string;
}

/** Stores artifacts with their signatures and tags, under the repository's lock; gives the units that join the version. */
export async function storeCarriers(
  tx: EntityManager,
  repositoryId: string,
  carriers: readonly CarrierDraft[],
): Promise<UnitRef[]> {
  if (carriers.length === 0) return [];
  await requireUnmoved(tx, repositoryId, carriers);
  const drafts = carriers.map(({ draft }) => draft);
  const known = await requireContent(
    tx,
    drafts.map(({ parsed }) => ({ repositoryId, parsed })),
  );
  const ids = await insertManifests(tx, drafts, known);
  const signatures = await insertSignatures(
    tx,
    drafts.flatMap((draft) => draft.signatures),
  );
  const owners = drafts.flatMap((draft) => draft.signatures.map(() => ids.get(draft.digest)!));
  await tieToCarriers(tx, signatures, owners);
  const tagged = carriers.flatMap(({ tag, draft }) =>
    tag === undefined ? [] : [{ tag, manifestId: ids.get(draft.digest)! }],
  );
  const subjects = drafts.flatMap(({ parsed }) => parsed.subjects.map(({ digest }) => digest));
  const fallbacks = await refreshFallbacks(tx, repositoryId, [...new Set(subjects)], { coming: [...ids.values()] });
  return [
    ...signatures.map((id): UnitRef => ({ id, kind: 'signature' })),
    ...(await closureOf(tx, [...ids.values()])),
    ...(await tagCarriers(tx, repositoryId, tagged)),
    ...fallbacks.add,
  ];
}

/** Throws precondition-failed when a companion tag is not what the artifact was made from. */
async function requireUnmoved(
  tx: EntityManager,
  repositoryId: string,
  carriers: readonly CarrierDraft[],
): Promise<void> {
  const tagged = carriers.flatMap(({ tag, expected }) => (tag === undefined ? [] : [{ tag, expected }]));
  const names = tagged.map(({ tag }) => tag);
  const now = await findCompanions(tx, repositoryId, names, 'digest');
  for (const { tag, expected } of tagged)
    if ((now.get(tag)?.digest ?? null) !== expected)
      throw new DomainError('precondition-failed', 'PRECONDITION_FAILED', `the tag ${tag} was moved meanwhile`);
}

async function tieToCarriers(
  tx: EntityManager,
  signatures: readonly string[],
  carriers: readonly string[],
): Promise<void> {
  await tx.query(
    `insert into signature_carrier (signature_id, carrier_id) select * from unnest($1::uuid[], $2::uuid[]) on conflict do nothing`,
    [signatures, carriers],
  );
}

async function tagCarriers(tx: EntityManager, repositoryId: string, tagged: readonly Tagged[]): Promise<UnitRef[]> {
  if (tagged.length === 0) return [];
  const names = tagged.map(({ tag }) => tag);
  const manifests = tagged.map(({ manifestId }) => manifestId);
  // What the tag led to was appended to: its signatures are carried by the new artifact too.
  await tx.query(
    `insert into signature_carrier (signature_id, carrier_id)
     select k.signature_id, n.manifest from unnest($2::text[], $3::uuid[]) as n(tag, manifest)
     join membership m on m.repository_id = $1 and m.tag_name = n.tag and m.removed_in is null
     join tag t on t.id = m.unit_id join signature_carrier k on k.carrier_id = t.manifest_id on conflict do nothing`,
    [repositoryId, names, manifests],
  );
  await tx.query(
    `insert into relation (subject_digest, referrer_id, source)
     select r.subject, r.referrer, 'cosign-tag' from unnest($1::text[], $2::uuid[]) as r(subject, referrer) on conflict do nothing`,
    [names.map((name) => parseCompanionTag(name)!.subject), manifests],
  );
  const rows = await rowsOf<{ id: string; name: string }>(
    tx,
    `insert into tag (id, name, manifest_id) select * from unnest($1::uuid[], $2::text[], $3::uuid[])
     on conflict (name, manifest_id) do update set name = excluded.name returning id, name`,
    [names.map(() => newId()), names, manifests],
  );
  return rows.map(({ id, name }) => ({ id, kind: 'tag', tagName: name }));
}
