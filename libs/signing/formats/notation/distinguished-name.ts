import * as asn1js from 'asn1js';

/** One attribute of a certificate's name, in the order of the encoding. */
export interface NameAttribute {
  readonly oid: string;
  readonly value: string;
}

/** Reads a DER Name (RFC 5280, section 4.1.2.4). */
export function readName(der: Uint8Array): readonly NameAttribute[] {
  const { result } = asn1js.fromBER(Uint8Array.from(der));
  if (!(result instanceof asn1js.Sequence)) throw new Error('a name in the certificate is malformed');
  return result.valueBlock.value.flatMap((rdn) => {
    if (!(rdn instanceof asn1js.Set)) throw new Error('a name in the certificate is malformed');
    return rdn.valueBlock.value.map(readAttribute);
  });
}

function readAttribute(block: asn1js.AsnType): NameAttribute {
  const [type, value] = block instanceof asn1js.Sequence ? block.valueBlock.value : [];
  if (!(type instanceof asn1js.ObjectIdentifier) || !value) throw new Error('a name in the certificate is malformed');
  const text = (value.valueBlock as { value?: unknown }).value;
  return { oid: type.valueBlock.toString(), value: typeof text === 'string' ? text : '' };
}

/** Named attributes in the order in which clients built with Go print them. */
const PRINTED: readonly (readonly [oid: string, name: string])[] = [
  ['2.5.4.5', 'SERIALNUMBER'],
  ['2.5.4.3', 'CN'],
  ['2.5.4.17', 'POSTALCODE'],
  ['2.5.4.9', 'STREET'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.7', 'L'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.10', 'O'],
  ['2.5.4.6', 'C'],
];
/** Attributes of which the last one counts when a name has several. */
const SINGLE = new Set(['2.5.4.3', '2.5.4.5']);

/** The text of a name as notation shows it: RFC 4514 escapes, fixed order, other attributes last in `oid=#hex` form. */
export function formatName(attributes: readonly NameAttribute[]): string {
  const known = PRINTED.flatMap(([oid, name]) => {
    const values = attributes.filter((attribute) => attribute.oid === oid).map((attribute) => attribute.value);
    const shown = SINGLE.has(oid) ? values.slice(-1) : values;
    return shown.length === 0 || (SINGLE.has(oid) && shown[0] === '')
      ? []
      : [shown.map((value) => `${name}=${escapeValue(value)}`).join('+')];
  });
  const others = attributes.filter((attribute) => !PRINTED.some(([oid]) => oid === attribute.oid));
  return [...known, ...others.reverse().map((attribute) => `${attribute.oid}=#${hexOfString(attribute.value)}`)].join(
    ',',
  );
}

function escapeValue(value: string): string {
  const characters = Array.from(value);
  return characters
    .map((character, index) => {
      const edge = character === ' ' && (index === 0 || index === characters.length - 1);
      return ',+"\\<>;'.includes(character) || edge || (character === '#' && index === 0)
        ? `\\${character}`
        : character;
    })
    .join('');
}

function hexOfString(value: string): string {
  const printable = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value);
  const block = printable ? new asn1js.PrintableString({ value }) : new asn1js.Utf8String({ value });
  return Buffer.from(block.toBER()).toString('hex');
}

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

function unescapeValue(raw: string): string {
  const trimmed = raw.replace(/^ +/, '').replace(/(^|[^\\]) +$/, '$1');
  const bytes: Buffer[] = [];
  for (let at = 0; at < trimmed.length; at += 1) {
    const pair = /^\\([0-9A-Fa-f]{2})/.exec(trimmed.slice(at, at + 3));
    if (pair) bytes.push(Buffer.from(pair[1]!, 'hex'));
    else if (trimmed[at] !== '\\') bytes.push(Buffer.from(trimmed[at]!));
    else if (at + 1 < trimmed.length) bytes.push(Buffer.from(trimmed[at + 1]!));
    else throw new Error('a value ends with a bare backslash');
    if (trimmed[at] === '\\') at += pair ? 2 : 1;
  }
  return Buffer.concat(bytes).toString('utf8');
}
