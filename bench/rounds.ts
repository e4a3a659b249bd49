import { best, type Load } from './measure.js';

/** Measures several things in turns, round after round, so that each meets the same neighbours; the best of each counts. */
export async function inTurns<K extends string>(
  rounds: number,
  loads: Readonly<Record<K, () => Promise<Load>>>,
): Promise<Record<K, Load>> {
  const all = new Map<K, Load[]>();
  for (let round = 0; round < rounds; round += 1)
    for (const [name, load] of Object.entries(loads) as [K, () => Promise<Load>][])
      all.set(name, [...(all.get(name) ?? []), await load()]);
  return Object.fromEntries([...all].map(([name, each]) => [name, best(each)])) as Record<K, Load>;
}
