import * as asn1js from 'asn1js';
import { readDer } from './strict-der.js';

/** One attribute of a certificate's name, in the order of the encoding. */
export interface NameAttribute {
  readonly oid: string;
  readonly value: string;
}

/** Tags of the texts that names are made of: UTF-8, numeric, printable, teletex, IA5 and BMP. */
const TEXTS: ReadonlySet<number> = new Set([12, 18, 19, 20, 22, 30]);

/** Reads a DER Name (RFC 5280, section 4.1.2.4). */
export function readName(der: Uint8Array): readonly NameAttribute[] {
  const result = readDer(der, 'a name in the certificate');
  if (!(result instanceof asn1js.Sequence)) throw new Error('a name in the certificate is malformed');
  return result.valueBlock.value.flatMap((rdn) => {
    if (!(rdn instanceof asn1js.Set)) throw new Error('a name in the certificate is malformed');
    return rdn.valueBlock.value.map(readAttribute);
  });
}

function readAttribute(block: asn1js.AsnType): NameAttribute {
  const [type, value] = block instanceof asn1js.Sequence ? block.valueBlock.value : [];
  if (!(type instanceof asn1js.ObjectIdentifier) || !value || !TEXTS.has(value.idBlock.tagNumber))
    throw new Error('a name in the certificate is malformed');
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
