import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { expandUnits, selectForCopy, type CopySelection } from '#content/changes/recursive-add.js';
import { selectForRemoval } from '#content/changes/recursive-remove.js';
import { findUnits, unitsAt } from '#content/changes/units.js';
import { withFallbacks } from '#content/changes/with-fallbacks.js';
import { applyChange, lockRepository, type MadeVersion, type UnitRef } from '#content/versions/apply-change.js';
import { invalid } from '#platform/domain-error.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { keepCompanions } from '#transfer/copied-companions.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import { changeRepository, membersAmong } from './version-change.js';

/** What to add with everything that it names: units, or a choice of a version. */
export interface AddPayload {
  readonly repositoryId: string;
  readonly units?: readonly string[];
  readonly from?: { readonly repositoryId: string; readonly number: number; readonly selection: CopySelection };
}

/** {@link AddContent} as it is dispatched. */
export const ADD_CONTENT = defineTask<AddPayload, object | null>({
  name: 'pulp_container.app.tasks.recursive_add.recursive_add_content',
});

/** Adds units with everything that they name. */
@Injectable()
export class AddContent implements TaskHandler<AddPayload, object | null> {
  readonly task = ADD_CONTENT;

  constructor(
    private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
  ) {}

  run({ repositoryId, units = [], from }: AddPayload, context: TaskContext): Promise<object | null> {
    return changeRepository(this.source, context, async (tx) => {
      const locked = await lockRepository(tx, repositoryId);
      const add = from
        ? await selectForCopy(tx, { repositoryId: from.repositoryId, pinned: from.number }, from.selection)
        : await expandUnits(tx, await findUnits(tx, units));
      const kept = from ? await keepCompanions(tx, this.store, repositoryId, add) : { add };
      const change = await withFallbacks(tx, repositoryId, kept);
      return applyChange(tx, repositoryId, change, { taskId: context.taskId, locked });
    });
  }
}

/** What to remove with everything that only it needs; `everything` empties the repository. */
export interface RemovePayload {
  readonly repositoryId: string;
  readonly units: readonly string[];
  readonly everything?: boolean;
}

/** {@link RemoveContent} as it is dispatched. */
export const REMOVE_CONTENT = defineTask<RemovePayload, object | null>({
  name: 'pulp_container.app.tasks.recursive_remove.recursive_remove_content',
});

/** Removes units with everything that only they need. */
@Injectable()
export class RemoveContent implements TaskHandler<RemovePayload, object | null> {
  readonly task = REMOVE_CONTENT;

  constructor(private readonly source: DataSource) {}

  run({ repositoryId, units, everything }: RemovePayload, context: TaskContext): Promise<object | null> {
    return changeRepository(this.source, context, async (tx) => {
      const locked = await lockRepository(tx, repositoryId);
      const remove = everything
        ? ids(await unitsAt(tx, { repositoryId, pinned: null }))
        : await selectForRemoval(tx, repositoryId, await membersAmong(tx, repositoryId, units));
      const change = await withFallbacks(tx, repositoryId, { remove });
      return applyChange(tx, repositoryId, change, { taskId: context.taskId, locked });
    });
  }
}

/** What to add and remove exactly as named, starting from a version when one is given. */
export interface ModifyPayload {
  readonly repositoryId: string;
  readonly add: readonly string[];
  readonly remove: readonly string[] | 'everything';
  readonly base: { readonly id: string; readonly repositoryId: string; readonly number: number } | null;
  /** False: a tag that is added may not take the place of its namesake. */
  readonly overwrite: boolean;
}

/** {@link ModifyContent} as it is dispatched. */
export const MODIFY_CONTENT = defineTask<ModifyPayload, object | null>({
  name: 'pulpcore.app.tasks.repository.add_and_remove',
});

/** Makes a version that differs exactly as told; with a base, the newest becomes like that version first. */
@Injectable()
export class ModifyContent implements TaskHandler<ModifyPayload, object | null> {
  readonly task = MODIFY_CONTENT;

  constructor(private readonly source: DataSource) {}

  run(payload: ModifyPayload, context: TaskContext): Promise<object | null> {
    return changeRepository(this.source, context, (tx) => modify(tx, payload, context.taskId));
  }
}

async function modify(
  tx: EntityManager,
  { repositoryId, add, remove, base, overwrite }: ModifyPayload,
  taskId: string,
): Promise<MadeVersion | undefined> {
  const locked = await lockRepository(tx, repositoryId);
  const added = await findUnits(tx, add);
  if (!base && remove !== 'everything' && overwrite)
    return applyChange(tx, repositoryId, { add: added, remove }, { taskId, locked });
  const now = await unitsAt(tx, { repositoryId, pinned: null });
  const start = base ? await unitsAt(tx, { repositoryId: base.repositoryId, pinned: base.number }) : now;
  const gone = new Set(remove === 'everything' ? ids(start) : remove);
  const names = new Set(added.map((unit) => unit.tagName).filter(Boolean));
  const left = start.filter((unit) => !gone.has(unit.id));
  const kept = left.filter((unit) => !(unit.tagName && names.has(unit.tagName)));
  const wanted = [...kept, ...added];
  const wantedIds = new Set(ids(wanted));
  if (!overwrite) refuseOverwritten(left, wantedIds);
  const change = { add: wanted, remove: ids(now).filter((id) => !wantedIds.has(id)) };
  return applyChange(tx, repositoryId, change, { taskId, baseVersionId: base?.id ?? null, locked });
}

function refuseOverwritten(units: readonly UnitRef[], wantedIds: ReadonlySet<string>): void {
  const taken = units.filter(({ id }) => !wantedIds.has(id)).map(({ tagName }) => tagName);
  if (taken.length > 0)
    throw invalid(`The repository has other tags of these names: ${taken.join(', ')}.`, 'add_content_units');
}

const ids = (units: readonly UnitRef[]): string[] => units.map((unit) => unit.id);
