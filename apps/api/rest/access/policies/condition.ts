/** A boolean expression over conditions, as policies have it. */
export type Condition =
  | { readonly kind: 'call'; readonly name: string; readonly argument: string }
  | { readonly kind: 'not'; readonly part: Condition }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[] };

const LONGEST = 4096;

/** Reads `(a:x or b:y) and not c`; throws a plain Error that says what is wrong. */
export function parseCondition(text: string): Condition {
  if (text.length > LONGEST) throw new Error('The condition is too long.');
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  let depth = 0;
  const chain = (kind: 'and' | 'or', next: () => Condition) => (): Condition => {
    const parts = [next()];
    while (tokens[at]?.toLowerCase() === kind) {
      at += 1;
      parts.push(next());
    }
    return parts.length === 1 ? parts[0]! : { kind, parts };
  };
  const unit = (): Condition => {
    const token = tokens[at];
    at += 1;
    if (token === undefined || token === ')') throw new Error(`The condition "${text}" is not complete.`);
    if (token.toLowerCase() === 'not') return { kind: 'not', part: unit() };
    if (token !== '(') return call(token);
    depth += 1;
    if (depth > 32) throw new Error('The condition is nested too deeply.');
    const inner = whole();
    if (tokens[at] !== ')') throw new Error(`A bracket is missing in the condition "${text}".`);
    at += 1;
    depth -= 1;
    return inner;
  };
  const whole: () => Condition = chain('or', chain('and', unit));
  const condition = whole();
  if (at !== tokens.length) throw new Error(`The condition "${text}" goes on after its end.`);
  return condition;
}

function call(token: string): Condition {
  const colon = token.indexOf(':');
  return colon < 0
    ? { kind: 'call', name: token, argument: '' }
    : { kind: 'call', name: token.slice(0, colon), argument: token.slice(colon + 1) };
}

/** Names of the functions that a condition calls. */
export function callsIn(condition: Condition): { readonly name: string; readonly argument: string }[] {
  if (condition.kind === 'call') return [condition];
  if (condition.kind === 'not') return callsIn(condition.part);
  return condition.parts.flatMap(callsIn);
}

/** True when the condition holds for what its calls are worth. */
export function holdsTrue(condition: Condition, worth: (name: string, argument: string) => boolean): boolean {
  if (condition.kind === 'call') return worth(condition.name, condition.argument);
  if (condition.kind === 'not') return !holdsTrue(condition.part, worth);
  return condition.kind === 'and'
    ? condition.parts.every((part) => holdsTrue(part, worth))
    : condition.parts.some((part) => holdsTrue(part, worth));
}
