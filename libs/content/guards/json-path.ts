import { invalid } from '#platform/domain-error.js';

/** One step of a path: a member's name, an index (negative: from the end), or all values. */
type Step = { readonly key: string | number } | { readonly each: true };

/** Where in JSON a value is found: the paths among the filters of jq. */
export type JsonPath = readonly Step[];

const STEP = /\.?\[\s*(?:(-?\d{1,9})|"((?:[^"\\]|\\.)*)")?\s*\]|\.(?:([A-Za-z_]\w*)|"((?:[^"\\]|\\.)*)")/y;
const IDENTITY = /\.(?=\s*(?:\||$))/y;
const PIPE = /\s*\|\s*(?=\.)/y;
const LONGEST = 1000;

/** Reads a jq filter that is a path, as `.identity.org_id`, `.roles[0]`, `.["a b"] | .c` or `.roles[]`; throws `invalid` for others. */
export function parseJsonPath(filter: string): JsonPath {
  const text = filter.trim();
  if (text.length > LONGEST || !text.startsWith('.')) throw notAPath();
  const steps: Step[] = [];
  for (let at = 0; at < text.length;) {
    const step = matchAt(STEP, text, at);
    if (step) steps.push(stepOf(step));
    const match = step ?? matchAt(IDENTITY, text, at) ?? matchAt(PIPE, text, at);
    if (!match) throw notAPath();
    at += match[0].length;
  }
  return steps;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function stepOf([, index, bracketed, name, quoted]: RegExpExecArray): Step {
  if (index !== undefined) return { key: Number(index) };
  if (name !== undefined) return { key: name };
  const text = bracketed ?? quoted;
  return text === undefined ? { each: true } : { key: unquoted(text) };
}

function unquoted(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    throw notAPath();
  }
}

const notAPath = () => invalid('Only paths of jq are understood, such as .identity.org_id or .roles[0].', 'jq_filter');

/** The first value that a path leads to, as jq has it: what is not there is null, and `undefined` says that there is no value at all. */
export function firstAt(path: JsonPath, json: unknown): unknown {
  const [step, ...rest] = path;
  if (!step) return json;
  if (!('each' in step)) {
    const value = valueAt(json, step.key);
    return value === undefined ? undefined : firstAt(rest, value);
  }
  const values: unknown[] = typeof json === 'object' && json !== null ? Object.values(json) : [];
  for (const value of values) {
    const found = firstAt(rest, value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Undefined where jq has an error: an index of an object, a name in a list, anything in a text. */
function valueAt(json: unknown, key: string | number): unknown {
  if (json === null) return null;
  if (Array.isArray(json)) return typeof key === 'number' ? (json.at(key) ?? null) : undefined;
  if (typeof json !== 'object' || typeof key === 'number') return undefined;
  return Object.hasOwn(json, key) ? (json as Record<string, unknown>)[key] : null;
}
