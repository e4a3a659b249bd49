/** A number that only grows. Counting is one addition, so it may stand on the hottest path. */
export interface Tally {
  readonly event: string;
  count: number;
}

const all = new Map<string, Tally>();

/** The counter of an event in this process; it is shown as `hallmark_events_total{event="…"}`. */
export function tally(event: string): Tally {
  const known = all.get(event);
  if (known) return known;
  const fresh = { event, count: 0 };
  all.set(event, fresh);
  return fresh;
}

/** Every counter of this process. */
export function tallies(): readonly Tally[] {
  return [...all.values()];
}
