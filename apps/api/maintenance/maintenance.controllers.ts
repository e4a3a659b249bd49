import { PROTECTION_MINUTES } from '../content/content-filters.js';
import { Context, type RestContext } from '../rest/context.js';
import { prnOf } from '../rest/models.js';
import { DeleteRoute, PostRoute } from '../rest/operation.js';
import { RestController, RestHost } from '../rest/rest-controller.js';
import { DataRepair } from './data-repair-task.js';
import { DataRepairBody, OrphansCleanupBody, ReclaimSpaceBody, RepairBody } from './maintenance.body.js';
import { contentKeys } from '../repositories/actions/named-content.js';
import { repositoryKeys, versionKeys } from './named-things.js';
import { OrphanCleanup } from './orphan-tasks.js';
import { ReclaimSpace } from './reclaim-task.js';
import { RepairAll } from './repair-tasks.js';

const ORPHANS = { exclusive: ['pdrn:default:orphans'] };
const REPAIR = { exclusive: ['pdrn:default:repair'] };
const RECLAIM = ['pdrn:default:reclaim_space'];

/** Removes content that no repository version holds. */
@RestController({ path: 'orphans/cleanup', tag: 'Orphans: Cleanup', operations: 'orphans_cleanup' })
export class OrphansCleanupController extends RestHost {
  constructor(private readonly cleaning: OrphanCleanup) {
    super();
  }

  @PostRoute('', {
    action: 'cleanup',
    summary: 'Trigger an asynchronous orphan cleanup operation.',
    body: { schema: 'OrphansCleanup', of: OrphansCleanupBody },
    answers: { 202: 'task' },
  })
  async cleanup(@Context() context: RestContext) {
    const { content_hrefs, orphan_protection_time } = await this.rest.body(context, OrphansCleanupBody);
    const contentIds = content_hrefs ? await contentKeys(this.rest, context, content_hrefs, 'content_hrefs') : null;
    const payload = { contentIds, protectionMinutes: orphan_protection_time ?? PROTECTION_MINUTES };
    return this.rest.dispatch(context, this.cleaning.task, payload, ORPHANS);
  }
}

/** The old way to ask for it. */
@RestController({ path: 'orphans', tag: 'Orphans', operations: 'orphans' })
export class OrphansController extends RestHost {
  constructor(private readonly cleaning: OrphanCleanup) {
    super();
  }

  @DeleteRoute('', {
    action: 'delete',
    summary: 'Delete orphans (deprecated: use orphans/cleanup/)',
    answers: { 202: 'task' },
  })
  delete(@Context() context: RestContext) {
    const payload = { contentIds: null, protectionMinutes: PROTECTION_MINUTES };
    return this.rest.dispatch(context, this.cleaning.task, payload, ORPHANS);
  }
}

/** Checks all stored bytes. */
@RestController({ path: 'repair', tag: 'Repair', operations: 'repair' })
export class RepairController extends RestHost {
  constructor(private readonly repairing: RepairAll) {
    super();
  }

  @PostRoute('', {
    action: 'post',
    summary: 'Repair Artifact Storage',
    body: { schema: 'Repair', of: RepairBody },
    answers: { 202: 'task' },
  })
  async repair(@Context() context: RestContext) {
    const { verify_checksums } = await this.rest.body(context, RepairBody);
    const payload = { version: null, verifyChecksums: verify_checksums };
    return this.rest.dispatch(context, this.repairing.task, payload, REPAIR);
  }
}

/** Puts the stored counts of versions right. */
@RestController({ path: 'datarepair/7272', tag: 'Datarepair: 7272', operations: 'datarepair_7272' })
export class DataRepairController extends RestHost {
  constructor(private readonly repairing: DataRepair) {
    super();
  }

  @PostRoute('', {
    action: 'post',
    summary: 'Repair the content counts of repository versions',
    body: { schema: 'DataRepair7272', of: DataRepairBody },
    answers: { 202: 'task' },
  })
  async repair(@Context() context: RestContext) {
    const { dry_run } = await this.rest.body(context, DataRepairBody);
    return this.rest.dispatch(context, this.repairing.task, { dryRun: dry_run }, REPAIR);
  }
}

/** Drops bytes that an upstream can give again. */
@RestController({
  path: 'repositories/reclaim_space',
  tag: 'Repositories: Reclaim_Space',
  operations: 'repositories_reclaim_space',
})
export class ReclaimSpaceController extends RestHost {
  constructor(private readonly reclaiming: ReclaimSpace) {
    super();
  }

  @PostRoute('', {
    action: 'reclaim',
    summary: 'Trigger an asynchronous space reclaim operation.',
    body: { schema: 'ReclaimSpace', of: ReclaimSpaceBody },
    answers: { 202: 'task' },
  })
  async reclaim(@Context() context: RestContext) {
    const { repo_hrefs, repo_versions_keeplist } = await this.rest.body(context, ReclaimSpaceBody);
    const { source } = this.rest;
    const repositoryIds = await repositoryKeys(source, 'repo_hrefs', repo_hrefs);
    const keptVersionIds = await versionKeys(source, 'repo_versions_keeplist', repo_versions_keeplist ?? []);
    const shared = repo_hrefs.includes('*')
      ? []
      : repositoryIds.map((id) => prnOf('container.containerrepository', id));
    return this.rest.dispatch(
      context,
      this.reclaiming.task,
      { repositoryIds, keptVersionIds },
      { exclusive: RECLAIM, shared },
    );
  }
}
