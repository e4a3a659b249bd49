import type { CheckCode } from '../../report.js';
import { refusal } from '../refusal.js';
import type { JsonObject } from '../strict-object.js';

/** A name as Go's JSON readers compare it: without case. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

/**
 * Refuses an object with a member that only readers without regard to case, such as notation's, take for one of the names:
 * two readers would find two different documents in it.
 */
export function refuseOtherCase(
  object: JsonObject,
  names: ReadonlySet<string>,
  what: string,
  code: CheckCode = 'MALFORMED_ENVELOPE',
): void {
  const folded = new Set([...names].map(fold));
  const stranger = Object.keys(object).find((name) => !names.has(name) && folded.has(fold(name)));
  if (stranger !== undefined)
    throw refusal(
      code,
      `${what} has the member "${stranger.slice(0, 80)}", which differs from a known one in case only.`,
    );
}

/** Members by the name that is meant, whatever its case, as notation reads them; undefined when two mean the same. */
export function membersByName(object: JsonObject, names: readonly string[]): JsonObject | undefined {
  const meant = new Map(names.map((name) => [fold(name), name]));
  const found = new Map<string, unknown>();
  for (const [written, value] of Object.entries(object)) {
    const name = meant.get(fold(written));
    if (name !== undefined && found.has(name)) return undefined;
    if (name !== undefined) found.set(name, value);
  }
  return Object.fromEntries(found);
}
