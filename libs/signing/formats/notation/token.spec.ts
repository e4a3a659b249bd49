import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import * as asn1js from 'asn1js';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseCertificate } from '../x509/certificate.js';
import { issue, type Issued } from './certificate-fixture.js';
import { verifyTimestamp } from './timestamp.js';
import { attribute, forgeToken, number, octets, sequence, type TokenChanges } from './token-fixture.js';

const STAMPED = Buffer.from('a signature');
const DIGEST = '1.2.840.113549.1.9.4';
const SIGNING_TIME = '1.2.840.113549.1.9.5';
const CERTIFICATE = '1.2.840.113549.1.9.16.2.47';
const stamping = new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.8'], true);
const nothing = new asn1js.Null();
const time = (text: string) => attribute(SIGNING_TIME, new asn1js.UTCTime({ valueDate: new Date(text) }));

describe('a timestamp token', () => {
  let root: Issued;
  let authority: Issued;
  let other: Issued;
  beforeAll(async () => {
    root = await issue({ ca: true, subject: 'CN=Time Root, O=Time' });
    authority = await issue({ issuer: root, subject: 'CN=Time, O=Time', more: [stamping] });
    other = await issue({ issuer: root, subject: 'CN=Time, O=Time', more: [stamping] });
  });

  const trusted = (...roots: Issued[]) =>
    roots.map(({ certificate }) => parseCertificate(Buffer.from(certificate.rawData)));
  const verify = (changes: TokenChanges = {}, by = authority, roots = trusted(root)) =>
    verifyTimestamp(Buffer.from(forgeToken(STAMPED, by, changes), 'base64'), STAMPED, roots);

  it('is for its bytes, at its time, by its authority', () => {
    const { time: at, chain } = verify();
    expect(at).toEqual(new Date('2026-06-01T11:30:00Z'));
    expect(chain.map(({ subject }) => subject)).toEqual(['CN=Time,O=Time', 'CN=Time Root,O=Time']);
  });

  it.each<[string, TokenChanges]>([
    ['a time of signing', { attributes: (all) => all.push(time('2026-06-01T11:30:01Z')) }],
    ['another attribute', { attributes: (all) => all.push(attribute('1.2.3', nothing)) }],
    ['an accuracy', { info: (parts) => parts.push(sequence(number(1))) }],
    ['an extension after its time', { info: (parts) => parts.push(new asn1js.Boolean({ value: true }), number(5)) }],
    ['other digest algorithms at its top', { token: (parts) => (parts[1] = new asn1js.Set({ value: [] })) }],
  ])('may have %s', (_, changes) => {
    expect(verify(changes).chain).toHaveLength(2);
  });

  it.each<[string, TokenChanges]>([
    ['another version', { info: (parts) => (parts[0] = number(2)) }],
    [
      'an imprint of a hash that is not accepted',
      {
        info: (parts) =>
          (parts[2] = sequence(
            sequence(new asn1js.ObjectIdentifier({ value: '1.3.14.3.2.26' })),
            octets(Buffer.alloc(20)),
          )),
      },
    ],
    [
      'an imprint of other bytes',
      {
        info: (parts) =>
          (parts[2] = sequence((parts[2] as asn1js.Sequence).valueBlock.value[0]!, octets(Buffer.alloc(32)))),
      },
    ],
    ['no time', { info: (parts) => parts.pop() }],
    ['a time before its authority was valid', { time: new Date('2020-01-01T00:00:00Z') }],
    ['no content type', { attributes: (all) => all.shift() }],
    [
      'the content type of plain data',
      {
        attributes: (all) =>
          (all[0] = attribute('1.2.840.113549.1.9.3', new asn1js.ObjectIdentifier({ value: '1.2.840.113549.1.7.1' }))),
      },
    ],
    ['no digest', { attributes: (all) => all.splice(1, 1) }],
    [
      'the digest of another timestamp',
      { attributes: (all) => (all[1] = attribute(DIGEST, octets(Buffer.alloc(32)))) },
    ],
    ['two digests', { attributes: (all) => all.push(attribute(DIGEST, octets(Buffer.alloc(32)))) }],
    ['no certificate among its attributes', { attributes: (all) => all.pop() }],
    [
      'another certificate among its attributes',
      {
        attributes: (all) => (all[2] = attribute(CERTIFICATE, sequence(sequence(sequence(octets(Buffer.alloc(32))))))),
      },
    ],
    ['a time of signing outside of the certificates', { attributes: (all) => all.push(time('2049-01-01T00:00:00Z')) }],
    ['a time of signing that is none', { attributes: (all) => all.push(attribute(SIGNING_TIME, nothing)) }],
    ['a signer of another version', { signer: (parts) => (parts[0] = number(3)) }],
    [
      'a signer with another serial number',
      { signer: (parts) => (parts[1] = sequence((parts[1] as asn1js.Sequence).valueBlock.value[0]!, number(99))) },
    ],
    [
      'a digest algorithm that is not accepted',
      { signer: (parts) => (parts[2] = sequence(new asn1js.ObjectIdentifier({ value: '1.3.14.3.2.26' }))) },
    ],
    [
      'the signature algorithm of another kind of key',
      { signer: (parts) => (parts[4] = sequence(new asn1js.ObjectIdentifier({ value: '1.2.840.113549.1.1.11' }))) },
    ],
    ['another signature', { signer: (parts) => (parts[5] = octets(Buffer.alloc(70))) }],
    ['no signed attributes', { signer: (parts) => parts.splice(3, 1) }],
    ['SignedData of another version', { token: (parts) => (parts[0] = number(1)) }],
    ['no certificates', { certificates: [] }],
    ['no signer', { token: (parts) => (parts[4] = new asn1js.Set({ value: [] })) }],
    [
      'something else among its certificates',
      { token: (parts) => (parts[3] as asn1js.Constructed).valueBlock.value.push(nothing) },
    ],
  ])('is refused with %s', (_, changes) => {
    expect(() => verify(changes)).toThrow();
  });

  it('is as good as the better of two signatures', () => {
    const changes: TokenChanges = {
      token: (parts) => {
        const [good] = (parts[4] as asn1js.Set).valueBlock.value as [asn1js.Sequence];
        const bad = sequence(number(3), ...good.valueBlock.value.slice(1));
        parts[4] = new asn1js.Set({ value: [bad, good] });
      },
    };
    expect(verify(changes).chain).toHaveLength(2);
  });

  it('is not from the authority whose key did not sign it', () => {
    const mixed = { ...authority, privateKey: other.privateKey };
    expect(() => verify({}, mixed)).toThrow(/signature/);
    expect(() => verify({ certificates: [other] })).toThrow(/not in the token/);
  });

  it('leads to a trusted root by its own intermediates, whatever else came along', async () => {
    const middle = await issue({ ca: true, issuer: root, subject: 'CN=Time Middle, O=Time' });
    const below = await issue({ issuer: middle, subject: 'CN=Time Below, O=Time', more: [stamping] });
    const twin = await issue({ ca: true, subject: 'CN=Time Root, O=Time' });
    expect(verify({ certificates: [twin, below, middle] }, below).chain).toHaveLength(3);
    expect(() => verify({ certificates: [below] }, below)).toThrow(/no trusted/);
    expect(() => verify({ certificates: [below, middle, root] }, below, trusted(twin))).toThrow(/no trusted/);
    expect(verify({ certificates: [below, root] }, below, trusted(middle)).chain).toHaveLength(3);
    expect(() => verify({ certificates: [below] }, below, trusted(middle))).toThrow(/no trusted/);
  });

  it('is refused when its authority may not make timestamps alone', async () => {
    const purposes = new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.8', '1.3.6.1.5.5.7.3.3'], true);
    for (const more of [[], [purposes], [new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.8'])]]) {
      const wrong = await issue({ issuer: root, subject: 'CN=Time, O=Time', more });
      expect(() => verify({}, wrong)).toThrow(/extended key usage/);
    }
    const odd = await issue({
      issuer: root,
      subject: 'CN=Time, O=Time',
      more: [stamping, new x509.Extension('1.2.3', true, Buffer.from('0500', 'hex'))],
    });
    expect(() => verify({}, odd)).toThrow(/not understood/);
  });
});
