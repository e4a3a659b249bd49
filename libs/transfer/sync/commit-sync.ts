import type { EntityManager } from 'typeorm';
import type { SignatureDraft } from '#content/push/drafts.js';
import { insertSignatures } from '#content/push/insert-signatures.js';
import { relateByTags } from '#content/push/relate-by-tag.js';
import { insertTags, supersededByMoves } from '#content/push/tags.js';
import { applyChange, lockRepository, type MadeVersion, type UnitRef } from '#content/versions/apply-change.js';
import { closureOf } from '#content/versions/closure.js';
import { parseCompanionTag } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import { conflict } from '#platform/domain-error.js';
import { tagsNow } from './head-content.js';
import { removedByMirror } from './mirror.js';

/** What becomes part of the next version; everything but loose signatures is stored already. */
export interface SyncCommit {
  readonly repositoryId: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly digests: ReadonlySet<string>;
  readonly loose: readonly SignatureDraft[];
  readonly mirror: boolean;
  readonly taskId?: string | null;
  /** Runs first in the transaction; throwing undoes everything. */
  readonly fence?: (tx: EntityManager) => Promise<void>;
  /** Runs last in it. */
  readonly inCommit?: (tx: EntityManager, version: MadeVersion | undefined) => Promise<void>;
  readonly onChange?: (added: number, removed: number) => void;
}

/** Makes one version of what was brought; undefined when nothing differs. */
export async function commitSync(tx: EntityManager, commit: SyncCommit): Promise<MadeVersion | undefined> {
  const { repositoryId, tags, digests, mirror } = commit;
  await commit.fence?.(tx);
  await lockRepository(tx, repositoryId);
  const ids = await holdManifests(tx, [...tags.values(), ...digests]);
  const now = await tagsNow(tx, repositoryId);
  const moved = [...tags].filter(([name, digest]) => now.get(name) !== digest);
  const roots = mirror ? [...ids.values()] : await missingNow(tx, repositoryId, [...ids.values()]);
  const closure = await closureOf(tx, roots);
  const signatures = [
    ...(await carriedBy(tx, mirror ? closure : await withMoved(tx, closure, moved, ids))),
    ...(await takeLoose(tx, repositoryId, commit.loose, mirror)),
  ];
  const moves = moved.map(([name, digest]) => ({ name, manifestId: ids.get(digest)! }));
  const add = [...closure, ...signatures, ...(await insertTags(tx, moves))];
  await relateByTags(tx, moves);
  const superseded = await supersededByMoves(tx, repositoryId, moves);
  const gone = mirror
    ? await removedByMirror(tx, repositoryId, { units: [...closure, ...signatures], tagNames: [...tags.keys()] })
    : [];
  commit.onChange?.(add.length, gone.length);
  const remove = [...gone, ...superseded];
  const version = await applyChange(tx, repositoryId, { add, remove }, { taskId: commit.taskId ?? null });
  await commit.inCommit?.(tx, version);
  return version;
}

/** Ids by digest, locked against the collector. */
async function holdManifests(tx: EntityManager, digests: readonly string[]): Promise<Map<string, string>> {
  const wanted = [...new Set(digests)];
  if (wanted.length === 0) return new Map();
  const rows = await rowsOf<{ id: string; digest: string }>(
    tx,
    'select id, digest from manifest where digest = any($1::text[]) order by id for key share',
    [wanted],
  );
  const found = new Map(rows.map((row) => [row.digest, row.id]));
  const missing = wanted.find((digest) => !found.has(digest));
  if (missing) throw conflict(`The manifest ${missing} went away during the sync; sync again.`);
  return found;
}

async function missingNow(tx: EntityManager, repositoryId: string, ids: readonly string[]): Promise<string[]> {
  const rows = await rowsOf<{ id: string }>(
    tx,
    `select w.id from unnest($2::uuid[]) as w(id) where not exists
       (select 1 from membership m where m.repository_id = $1 and m.unit_id = w.id and m.removed_in is null)`,
    [repositoryId, ids],
  );
  return rows.map((row) => row.id);
}

/** A manifest that is here already may become a carrier by the tag that now leads to it. */
async function withMoved(
  tx: EntityManager,
  closure: readonly UnitRef[],
  moved: readonly (readonly [string, string])[],
  ids: ReadonlyMap<string, string>,
): Promise<UnitRef[]> {
  const besides = moved.filter(([name]) => parseCompanionTag(name)).map(([, digest]) => ids.get(digest)!);
  return [...closure, ...(await closureOf(tx, besides))];
}

async function carriedBy(tx: EntityManager, units: readonly UnitRef[]): Promise<UnitRef[]> {
  const carriers = units.filter(({ kind }) => kind === 'manifest').map(({ id }) => id);
  if (carriers.length === 0) return [];
  return rowsOf<UnitRef>(
    tx,
    `select distinct signature_id as id, 'signature' as kind from signature_carrier where carrier_id = any($1::uuid[])`,
    [carriers],
  );
}

/** Loose signatures as units; without mirror, those that the version has already are left out. */
async function takeLoose(
  tx: EntityManager,
  repositoryId: string,
  drafts: readonly SignatureDraft[],
  mirror: boolean,
): Promise<UnitRef[]> {
  if (drafts.length === 0) return [];
  const ids = await insertSignatures(tx, drafts);
  const wanted = mirror ? ids : await missingNow(tx, repositoryId, ids);
  return wanted.map((id) => ({ id, kind: 'signature' }));
}
