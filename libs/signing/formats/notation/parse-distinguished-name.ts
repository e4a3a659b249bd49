/** Attributes by upper-case name; throws a plain `Error` saying which rule of notation the text breaks. */
export function parseDistinguishedName(text: string): ReadonlyMap<string, string> {
  if (text.includes('=#')) throw new Error('values in "=#" form are not supported');
  const attributes = new Map<string, string>();
  for (const part of splitUnescaped(text, ',;')) {
    if (splitUnescaped(part, '+').length > 1) throw new Error('attributes joined with "+" are not supported');
    const equals = part.indexOf('=');
    if (equals <= 0) throw new Error(`"${part.trim()}" is not an attribute of the form NAME=value`);
    const name = part.slice(0, equals).trim();
    const key = name === 'S' ? 'ST' : name;
    if (attributes.has(key)) throw new Error(`the attribute ${key} appears twice`);
    attributes.set(key, unescapeValue(part.slice(equals + 1)));
  }
  for (const name of ['C', 'ST', 'O']) {
    if (!attributes.get(name)) throw new Error(`the attribute ${name} is missing; C, ST (or S) and O are needed`);
  }
  return attributes;
}

/** True when every attribute of `wanted` has the same value in `actual`. */
export function isNameSubset(wanted: ReadonlyMap<string, string>, actual: ReadonlyMap<string, string>): boolean {
  return [...wanted].every(([name, value]) => actual.get(name) === value);
}

function splitUnescaped(text: string, separators: string): string[] {
  const parts = [''];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]!;
    if (character === '\\') parts.push(parts.pop()! + text.slice(at, (at += 1) + 1));
    else if (separators.includes(character)) parts.push('');
    else parts.push(parts.pop()! + character);
  }
  return parts;
}

/** Characters that a backslash may stand before, besides two hexadecimal digits (RFC 4514, section 2.4). */
const ESCAPED = /^[ "#+,;<=>\\]$/;

function unescapeValue(raw: string): string {
  const trimmed = raw.replace(/^ +/, '').replace(/(^|[^\\]) +$/, '$1');
  const bytes: Buffer[] = [];
  for (let at = 0; at < trimmed.length; at += 1) {
    const pair = /^\\([0-9A-Fa-f]{2})/.exec(trimmed.slice(at, at + 3));
    if (pair) bytes.push(Buffer.from(pair[1]!, 'hex'));
    else if (trimmed[at] !== '\\') bytes.push(Buffer.from(trimmed[at]!));
    else if (ESCAPED.test(trimmed[at + 1] ?? '')) bytes.push(Buffer.from(trimmed[at + 1]!));
    else throw new Error('a backslash stands before something that is not escaped in names');
    if (trimmed[at] === '\\') at += pair ? 2 : 1;
  }
  return Buffer.concat(bytes).toString('utf8');
}
