import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import * as asn1js from 'asn1js';
import { describe, expect, it } from 'vitest';
import { issue, type Issued } from '../notation/certificate-fixture.js';
import { parseCertificate } from './certificate.js';
import { findPath, findPathProblem } from './certificate-path.js';

const NOW = new Date('2026-06-01T12:00:00Z');
const TAGS = { other: 0, email: 1, dns: 2, dn: 4, uri: 6, ip: 7 } as const;
type Name = readonly [keyof typeof TAGS, string | number[]];

const primitive = (tagNumber: number, value: string | number[]) =>
  new asn1js.Primitive({
    idBlock: { tagClass: 3, tagNumber },
    valueHex: Uint8Array.from(typeof value === 'string' ? Buffer.from(value) : value).buffer,
  });
const nameOf = ([kind, value]: Name) => primitive(TAGS[kind], value);

function limitsOf(permitted: readonly Name[], excluded: readonly Name[] = [], critical = true): x509.Extension {
  const list = (tagNumber: number, names: readonly Name[]) =>
    new asn1js.Constructed({
      idBlock: { tagClass: 3, tagNumber },
      value: names.map((name) => new asn1js.Sequence({ value: [nameOf(name)] })),
    });
  const lists = [...(permitted.length ? [list(0, permitted)] : []), ...(excluded.length ? [list(1, excluded)] : [])];
  return new x509.Extension('2.5.29.30', critical, new asn1js.Sequence({ value: lists }).toBER());
}

const namesOf = (...names: readonly Name[]) =>
  new x509.Extension('2.5.29.17', false, new asn1js.Sequence({ value: names.map(nameOf) }).toBER());
const open = ({ certificate }: Issued) => parseCertificate(new Uint8Array(certificate.rawData));

async function problemOf(limits: x509.Extension, ...names: readonly Name[]) {
  const root = await issue({ ca: true, more: [limits] });
  const leaf = await issue({ issuer: root, more: [namesOf(...names)] });
  const path = findPath(open(leaf), [], [open(root)]);
  return findPathProblem(path!, [NOW])?.code;
}

describe('name constraints of an authority', () => {
  it.each<[string, Name, Name, boolean]>([
    ['a host below the domain', ['dns', 'example.com'], ['dns', 'a.b.example.com'], true],
    ['the domain itself', ['dns', 'example.com'], ['dns', 'EXAMPLE.com'], true],
    ['another domain that ends alike', ['dns', 'example.com'], ['dns', 'badexample.com'], false],
    ['the domain where only hosts below are meant', ['dns', '.example.com'], ['dns', 'example.com'], false],
    ['a mailbox of the host', ['email', 'example.com'], ['email', 'ci@example.com'], true],
    ['a mailbox elsewhere', ['email', 'example.com'], ['email', 'ci@example.org'], false],
    ['the one mailbox', ['email', 'ci@example.com'], ['email', 'ci@Example.com'], true],
    ['a mailbox that differs in case', ['email', 'ci@example.com'], ['email', 'CI@example.com'], false],
    ['a URI of the host', ['uri', 'example.com'], ['uri', 'https://example.com/x'], true],
    ['a URI elsewhere', ['uri', 'example.com'], ['uri', 'https://example.com.evil.test/x'], false],
    ['an address of the network', ['ip', [10, 0, 0, 0, 255, 0, 0, 0]], ['ip', [10, 9, 8, 7]], true],
    ['an address outside', ['ip', [10, 0, 0, 0, 255, 0, 0, 0]], ['ip', [11, 9, 8, 7]], false],
    ['a name of a kind without constraints', ['dns', 'example.com'], ['email', 'ci@example.org'], true],
  ])('%s', async (_, base, name, allowed) => {
    expect(await problemOf(limitsOf([base]), name)).toBe(allowed ? undefined : 'CERT_CHAIN_INVALID');
    const excluded = limitsOf([], [base]);
    if (base[0] === name[0]) expect(await problemOf(excluded, name)).toBe(allowed ? 'CERT_CHAIN_INVALID' : undefined);
  });

  it('hold for every name of the leaf, and are never passed over when they are not understood', async () => {
    const limits = limitsOf([['dns', 'example.com']]);
    expect(await problemOf(limits, ['dns', 'example.com'], ['dns', 'example.org'])).toBe('CERT_CHAIN_INVALID');
    expect(await problemOf(limitsOf([['dn', '']]), ['dns', 'example.com'])).toBe('CERT_CHAIN_INVALID');
    expect(await problemOf(limitsOf([['dn', '']], [], false), ['dns', 'example.com'])).toBeUndefined();
  });
});

describe('a path', () => {
  it('has no authority that is for another use, and no unknown critical extension', async () => {
    const purpose = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.codeSigning], true);
    const root = await issue({ ca: true, more: [purpose] });
    const path = findPath(open(await issue({ issuer: root })), [], [open(root)])!;
    expect(findPathProblem(path, [NOW], x509.ExtendedKeyUsage.codeSigning)).toBeUndefined();
    expect(findPathProblem(path, [NOW], x509.ExtendedKeyUsage.timeStamping)?.code).toBe('CERT_USAGE_INVALID');
    const strange = new x509.Extension('1.2.3.4', true, new asn1js.Null().toBER());
    const odd = findPath(open(await issue({ issuer: root, more: [strange] })), [], [open(root)])!;
    expect(findPathProblem(odd, [NOW])).toMatchObject({ code: 'CERT_CHAIN_INVALID', detail: /1\.2\.3\.4/ });
  });

  it('reads the other name that Fulcio writes as a name of the signer', async () => {
    const other = new asn1js.Constructed({
      idBlock: { tagClass: 3, tagNumber: 0 },
      value: [
        new asn1js.ObjectIdentifier({ value: '1.3.6.1.4.1.57264.1.7' }),
        new asn1js.Constructed({
          idBlock: { tagClass: 3, tagNumber: 0 },
          value: [new asn1js.Utf8String({ value: 'ci!example.com' })],
        }),
      ],
    });
    const names = new x509.Extension('2.5.29.17', true, new asn1js.Sequence({ value: [other] }).toBER());
    const { subjectAltNames } = open(await issue({ more: [names] })).extensions;
    expect(subjectAltNames).toMatchObject([{ type: 'other', value: 'ci!example.com' }]);
  });
});
