import { isDigest } from '#oci/digest.js';
import { isAttachmentTag } from '#oci/reference.js';

/** What a remote takes of an upstream repository. */
export interface Selection {
  /** Tags of images. */
  readonly images: readonly string[];
  /** Tags of signatures and the like that may be taken; all of them are when nothing is filtered. */
  readonly attachments: readonly string[];
  /** Manifests without tags that are taken besides. */
  readonly digests: readonly string[];
  readonly filtered: boolean;
}

/** Applies includes, then excludes. Filters are about images: attachments follow their image unless they are excluded. */
export function selectTags(
  tags: readonly string[],
  includes: readonly string[] | null,
  excludes: readonly string[] | null,
): Selection {
  const digests = (includes ?? []).filter(isDigest);
  const [included, excluded] = [matcher(includes ?? []), matcher(excludes ?? [])];
  const takesAll = (includes ?? []).length === 0;
  const left = tags.filter((tag) => !excluded(tag));
  return {
    images: left.filter((tag) => !isAttachmentTag(tag) && (takesAll || included(tag))),
    attachments: left.filter(isAttachmentTag),
    digests: [...new Set(digests)],
    filtered: !takesAll || (excludes ?? []).length > 0,
  };
}

/** True for texts that one of the patterns matches as fnmatch does: `*`, `?`, `[seq]`, `[!seq]`, case counts. */
export function matcher(patterns: readonly string[]): (text: string) => boolean {
  const compiled = patterns.map(parsePattern);
  return (text) => compiled.some((pattern) => matches(pattern, text));
}

type Step = '*' | ((character: string) => boolean);

function parsePattern(pattern: string): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    if (character === '*') {
      if (steps.at(-1) !== '*') steps.push('*');
      continue;
    }
    const end = character === '[' ? classEnd(pattern, at) : -1;
    if (character === '?') steps.push(() => true);
    else if (end > 0) {
      steps.push(classTest(pattern.slice(at + 1, end)));
      at = end;
    } else steps.push((other) => other === character);
  }
  return steps;
}

function classEnd(pattern: string, at: number): number {
  const first = pattern[at + 1] === '!' ? at + 2 : at + 1;
  return pattern.indexOf(']', first + 1);
}

function classTest(body: string): (character: string) => boolean {
  const negated = body.startsWith('!');
  const ranges: [string, string][] = [];
  const text = negated ? body.slice(1) : body;
  for (let at = 0; at < text.length; at += 1) {
    const ranged = text[at + 1] === '-' && at + 2 < text.length;
    ranges.push([text[at]!, ranged ? text[at + 2]! : text[at]!]);
    if (ranged) at += 2;
  }
  return (character) => ranges.some(([low, high]) => character >= low && character <= high) !== negated;
}

/** Backtracks to the last star only, so the cost is the product of the two lengths at most. */
function matches(steps: readonly Step[], text: string): boolean {
  let [step, at, star, mark] = [0, 0, -1, 0];
  while (at < text.length) {
    const current = steps[step];
    if (current === '*') [star, mark, step] = [step, at, step + 1];
    else if (current !== undefined && current(text[at]!)) [step, at] = [step + 1, at + 1];
    else if (star >= 0) [step, mark, at] = [star + 1, mark + 1, mark + 1];
    else return false;
  }
  while (steps[step] === '*') step += 1;
  return step === steps.length;
}
