import 'reflect-metadata';
import { sign } from 'node:crypto';
import * as asn1js from 'asn1js';
import { beforeAll, describe, expect, it } from 'vitest';
import { issueChain, type Issued } from '../notation/certificate-fixture.js';
import { parseCertificate } from './certificate.js';
import { readDer } from './strict-der.js';

const hex = (text: string) => Buffer.from(text.replace(/ /g, ''), 'hex');
const texts = (tag: string, text: string) =>
  `${tag} ${text.length.toString(16).padStart(2, '0')} ${Buffer.from(text, 'latin1').toString('hex')}`;

describe('a value in distinguished encoding', () => {
  it.each([
    ['a sequence', '30 03 02 01 05'],
    ['a long length', `04 81 80 ${'00'.repeat(128)}`],
    ['a negative integer', '02 01 ff'],
    ['a time of this century', texts('17', '260228235959Z')],
    ['a time with fractions', texts('18', '20260228235959.25Z')],
    ['a printable text with a star', texts('13', 'A*')],
  ])('is read: %s', (_, text) => {
    expect(readDer(hex(text), 'it').blockLength).toBe(hex(text).length);
  });

  it.each([
    ['nothing', ''],
    ['data after it', '05 00 00'],
    ['a member that is longer than what holds it', '30 03 02 02 05'],
    ['a member that ends early', '30 04 02 01 05'],
    ['an indefinite length', '30 80 05 00 00 00'],
    ['a long length for a short value', '04 81 01 00'],
    ['a length with a leading zero', `04 82 00 80 ${'00'.repeat(128)}`],
    ['a text in pieces', '24 06 04 01 00 04 01 00'],
    ['a boolean that is neither', '01 01 01'],
    ['an integer without bytes', '02 00'],
    ['an integer that is too long', '02 02 00 05'],
    ['unused bits that are set', '03 02 01 81'],
    ['a sequence that is not constructed', '10 00'],
    ['the 30th of February', texts('17', '260230000000Z')],
    ['an hour that is not there', texts('18', '20260228240000Z')],
    ['a time of another zone', texts('17', '260228235959+0000')],
    ['a fraction with a zero at its end', texts('18', '20260228235959.50Z')],
    ['a printable text that is not', texts('13', 'A_')],
    ['a numeric text that is not', texts('12', 'A')],
    ['a text that is not UTF-8', '0c 01 ff'],
    [
      'deep nesting',
      `${Array.from({ length: 50 }, (_, at) => `30 ${((49 - at) * 2).toString(16).padStart(2, '0')}`).join(' ')}`,
    ],
  ])('is refused with %s', (_, text) => {
    expect(() => readDer(hex(text), 'it')).toThrow(/^it /);
  });
});

describe('a certificate that its issuer signed', () => {
  let root: Issued;
  let leaf: Issued;
  beforeAll(async () => {
    ({ root, leaf } = await issueChain());
  });

  /** The leaf with other parts, rightly signed: version, serial, algorithm, issuer, validity, subject, key, extensions. */
  function changed(change: (parts: asn1js.AsnType[]) => void): Uint8Array {
    const outer = asn1js.fromBER(Uint8Array.from(Buffer.from(leaf.certificate.rawData))).result as asn1js.Sequence;
    const [signed, algorithm] = outer.valueBlock.value as [asn1js.Sequence, asn1js.AsnType];
    change(signed.valueBlock.value);
    const signature = sign('sha256', Buffer.from(signed.toBER()), root.privateKey);
    const value = [signed, algorithm, new asn1js.BitString({ valueHex: Uint8Array.from(signature).buffer })];
    return new Uint8Array(new asn1js.Sequence({ value }).toBER());
  }
  const extension = (oid: string, value: asn1js.AsnType, critical = false) =>
    new asn1js.Sequence({
      value: [
        new asn1js.ObjectIdentifier({ value: oid }),
        ...(critical ? [new asn1js.Boolean({ value: true })] : []),
        new asn1js.OctetString({ valueHex: value.toBER() }),
      ],
    });
  const extended = (added: asn1js.AsnType) =>
    changed((parts) =>
      (
        parts.at(-1) as unknown as { valueBlock: { value: asn1js.Sequence[] } }
      ).valueBlock.value[0]!.valueBlock.value.push(added),
    );
  const nothing = new asn1js.Null();

  it('is read', () => {
    expect(
      parseCertificate(changed(() => undefined)).isSignedBy(parseCertificate(Buffer.from(root.certificate.rawData))),
    ).toBe(true);
    expect(parseCertificate(extended(extension('1.2.3.4', nothing))).extensions.values.has('1.2.3.4')).toBe(true);
  });

  it.each<[string, () => Uint8Array]>([
    ['extensions in version 1', () => changed((parts) => parts.shift())],
    [
      'a negative serial number',
      () => changed((parts) => (parts[1] = new asn1js.Integer({ valueHex: Uint8Array.of(255).buffer }))),
    ],
    ['a critical key identifier', () => extended(extension('2.5.29.14', new asn1js.OctetString(), true))],
    ['a key identifier that is none', () => extended(extension('2.5.29.14', nothing))],
    ['an authority key identifier that is none', () => extended(extension('2.5.29.35', nothing))],
    [
      'critical addresses of its authority',
      () => extended(extension('1.3.6.1.5.5.7.1.1', new asn1js.Sequence(), true)),
    ],
    ['policies that are none', () => extended(extension('2.5.29.32', nothing))],
    ['addresses of lists that are none', () => extended(extension('2.5.29.31', nothing))],
    ['an extension twice', () => extended(extension('2.5.29.19', new asn1js.Sequence()))],
  ])('is refused with %s', (_, made) => {
    expect(() => parseCertificate(made())).toThrow();
  });
});
