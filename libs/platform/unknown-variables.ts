import { OTHER_VARIABLES } from './other-variables.js';
import { SETTINGS } from './settings.js';

const KNOWN = [...Object.values(SETTINGS).map(({ variable }) => variable), ...Object.keys(OTHER_VARIABLES)];

/** Names that differ in more letters than this mean something else. */
const FARTHEST = 4;

/** One sentence for each `HALLMARK_…` variable that means nothing to the product, with the name that was perhaps meant. */
export function unknownVariables(environment: NodeJS.ProcessEnv): string[] {
  const names = Object.keys(environment).filter((name) => name.startsWith('HALLMARK_') && !KNOWN.includes(name));
  return names.sort().map((name) => {
    const nearest = nearestTo(name);
    return `${name} is no setting and is ignored${nearest ? `; is ${nearest} meant?` : '; docs/settings.md lists all.'}`;
  });
}

function nearestTo(name: string): string | undefined {
  const ranked = KNOWN.map((known) => ({ known, distance: editDistance(name, known) }));
  const [best] = ranked.sort((a, b) => a.distance - b.distance);
  return best!.distance <= FARTHEST ? best!.known : undefined;
}

/** How many letters have to be put in, taken out or changed to make one text of the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [at, letter] of Array.from(from).entries()) {
    const next = [at + 1];
    for (let other = 0; other < to.length; other += 1)
      next.push(Math.min(next[other]! + 1, row[other + 1]! + 1, row[other]! + (letter === to[other] ? 0 : 1)));
    row = next;
  }
  return row[to.length]!;
}
