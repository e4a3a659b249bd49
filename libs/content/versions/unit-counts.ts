import type { UnitCounts, UnitKind } from './version.entity.js';

/** A number of units of one kind. */
export interface KindCount {
  readonly kind: UnitKind;
  readonly count: number;
}

/** Sums by kind. */
export function countKinds(rows: readonly KindCount[]): UnitCounts {
  const counts: UnitCounts = {};
  for (const { kind, count } of rows) counts[kind] = (counts[kind] ?? 0) + count;
  return counts;
}

/** Counts after a change; kinds that reach zero are absent. */
export function addCounts(base: UnitCounts, added: UnitCounts, removed: UnitCounts): UnitCounts {
  const counts: UnitCounts = {};
  for (const kind of ['blob', 'manifest', 'tag', 'signature'] as const) {
    const count = (base[kind] ?? 0) + (added[kind] ?? 0) - (removed[kind] ?? 0);
    if (count > 0) counts[kind] = count;
  }
  return counts;
}
