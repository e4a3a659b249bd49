import { findVersion, PROTECTION_MINUTES } from '../content/content-filters.js';
import { single, wholeNumber, type Filter } from '../rest/filters/filter.js';

/** Artifacts of the blobs in a repository version. */
export const versionHolds: Filter = {
  name: 'repository_version',
  schema: { type: 'string' },
  description: 'Repository Version referenced by HREF/PRN',
  async compile(raw, scope) {
    const { repository, number } = await findVersion(single(raw), scope);
    const [id, at] = [scope.values.bind(repository), scope.values.bind(number)];
    return `exists (select 1 from membership m where m.unit_id = t.id and m.repository_id = ${id}::uuid
      and m.added_in <= ${at}::int and (m.removed_in is null or m.removed_in > ${at}::int))`;
  },
};

/** Artifacts that nothing has used for so many minutes. */
export const orphanedFor: Filter = {
  name: 'orphaned_for',
  schema: { type: 'number' },
  description: 'Minutes Artifacts have been orphaned for. -1 uses the default protection time.',
  compile(raw, { values }) {
    const given = Number(wholeNumber('orphaned_for', single(raw)));
    const minutes = values.bind(Math.min(given < 0 ? PROTECTION_MINUTES : given, 4_294_967_295));
    return `t.touched_at < now() - ${minutes}::float8 * interval '1 minute'
      and not exists (select 1 from membership m where m.unit_id = t.id)
      and not exists (select 1 from staged s where s.unit_id = t.id)
      and not exists (select 1 from manifest_blob k where k.blob_id = t.id)`;
  },
};
