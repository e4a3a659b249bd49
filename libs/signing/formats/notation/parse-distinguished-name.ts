/** Attributes by upper-case name; throws a plain `Error` saying which rule of notation the text breaks. */
export function parseDistinguishedName(text: string): ReadonlyMap<string, string> {
  if (text.includes('=#')) throw new Error('values in "=#" form are not supported');
  const attributes = new Map<string, string>();
  for (const part of splitUnescaped(text, ',;')) {
    if (splitUnescaped(part, '+').length > 1) throw new Error('attributes joined with "+" are not supported');
    const equals = splitUnescaped(part, '=')[0]!.length;
    if (equals === 0 || equals === part.length)
      throw new Error(`"${part.trim()}" is not an attribute of the form NAME=value`);
    const name = unescape(part.slice(0, equals));
    const key = name === 'S' ? 'ST' : name;
    if (attributes.has(key)) throw new Error(`the attribute ${key} appears twice`);
    attributes.set(key, unescape(part.slice(equals + 1)));
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
const BACKSLASH = 0x5c;
const ESCAPED = /^[ "#+,;<=>\\]$/;

function unescape(raw: string): string {
  const bytes = Buffer.from(raw.replace(/^ +/, '').replace(/(^|[^\\]) +$/, '$1'));
  const plain: number[] = [];
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] !== BACKSLASH) {
      plain.push(bytes[at]!);
      continue;
    }
    const next = bytes.toString('latin1', at + 1, at + 3);
    const isPair = /^[0-9A-Fa-f]{2}$/.test(next);
    if (!isPair && !ESCAPED.test(next.charAt(0)))
      throw new Error('a backslash stands before something that is not escaped in names');
    plain.push(isPair ? Number.parseInt(next, 16) : bytes[at + 1]!);
    at += isPair ? 2 : 1;
  }
  return Buffer.from(plain).toString('utf8');
}
