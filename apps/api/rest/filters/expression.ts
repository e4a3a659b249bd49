import { badField } from '../errors.js';

/** A boolean expression over filters, as `q` has it. */
export type Expression =
  | { readonly kind: 'filter'; readonly name: string; readonly value: string }
  | { readonly kind: 'not'; readonly part: Expression }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] };

/** Most filters plus operators of one expression. */
const MOST = 8;
/** Longest expression, far above what {@link MOST} filters need. */
const LONGEST = 8192;

const TOKEN =
  /\s*(?:([()])|([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([A-Za-z0-9.,_*-]+))|(NOT|AND|OR)\b)/iy;

type Token = '(' | ')' | 'NOT' | 'AND' | 'OR' | { readonly name: string; readonly value: string };

const syntax = (field: string) => badField(field, 'Syntax error in expression.');
const tooMuch = (field: string) => badField(field, 'Filter expression exceeds allowed complexity.');

function tokensOf(text: string, field: string): Token[] {
  if (text.length > LONGEST) throw tooMuch(field);
  const tokens: Token[] = [];
  for (let at = 0; text.slice(at).trim() !== ''; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) throw syntax(field);
    const [, bracket, name, double, simple, bare, word] = match;
    if (bracket) tokens.push(bracket as Token);
    else if (word) tokens.push(word.toUpperCase() as Token);
    else tokens.push({ name: name!, value: bare ?? (double ?? simple ?? '').replaceAll(/\\(.)/g, '$1') });
    if (tokens.length > 64) throw tooMuch(field);
  }
  return tokens;
}

/** Parses an expression; NOT binds tighter than AND, AND tighter than OR. The 400 names the field that it came in. */
export function parseExpression(text: string, field = 'q'): Expression {
  const tokens = tokensOf(text, field);
  let at = 0;
  const chain = (kind: 'and' | 'or', word: 'AND' | 'OR', next: () => Expression) => (): Expression => {
    const parts = [next()];
    while (tokens[at] === word) {
      at += 1;
      parts.push(next());
    }
    return parts.length === 1 ? parts[0]! : { kind, parts };
  };
  const unit = (): Expression => {
    const token = tokens[at];
    at += 1;
    if (token === 'NOT') return { kind: 'not', part: unit() };
    if (token === '(') {
      const inner = whole();
      if (tokens[at] !== ')') throw syntax(field);
      at += 1;
      return inner;
    }
    if (typeof token === 'object') return { kind: 'filter', ...token };
    throw syntax(field);
  };
  const whole: () => Expression = chain('or', 'OR', chain('and', 'AND', unit));
  const expression = whole();
  if (at !== tokens.length) throw syntax(field);
  if (complexity(expression) > MOST) throw tooMuch(field);
  return expression;
}

function complexity(expression: Expression): number {
  if (expression.kind === 'filter') return 1;
  if (expression.kind === 'not') return 1 + complexity(expression.part);
  return 1 + expression.parts.reduce((sum, part) => sum + complexity(part), 0);
}
