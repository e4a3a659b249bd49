import { FlagField, TextListField, WholeField } from '../rest/body/fields.js';

/** What to clean up. */
export class OrphansCleanupBody {
  @TextListField({
    optional: true,
    nullable: true,
    notEmpty: 'Must not be [].',
    description: 'Will delete specified content and associated Artifacts if they are orphans.',
  })
  content_hrefs?: string[] | null;

  @WholeField({
    optional: true,
    nullable: true,
    min: 0,
    max: 4_294_967_295,
    description: 'The time in minutes for how long content stays although it is orphaned. Default: 1440.',
  })
  orphan_protection_time?: number | null;
}

/** How thoroughly to check. */
export class RepairBody {
  @FlagField({ fallback: true, description: 'Will verify that the checksum of all stored files matches.' })
  verify_checksums: boolean;
}

/** Whether to change anything. */
export class DataRepairBody {
  @FlagField({ fallback: false, description: 'If true, only report issues without fixing them.' })
  dry_run: boolean;
}

/** Whose bytes may go. */
export class ReclaimSpaceBody {
  @TextListField({
    notEmpty: 'Must not be [].',
    description: "Will reclaim space for the specified list of repos. Use ['*'] to specify all repos.",
  })
  repo_hrefs: string[];

  @TextListField({ optional: true, description: 'Will exclude repo versions from space reclaim.' })
  repo_versions_keeplist?: string[];

  problems(): Record<string, unknown> | undefined {
    return this.repo_hrefs.length > 1 && this.repo_hrefs.includes('*')
      ? { repo_hrefs: ["Can not specify other HREFs when using '*'"] }
      : undefined;
  }
}
