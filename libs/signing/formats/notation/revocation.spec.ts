import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TrustMaterial } from '../../trust-material.js';
import { issue, issueChain, issueCrl, type Issued } from './certificate-fixture.js';
import { forgeJws, MANIFEST, NOW, trusting, type Changes } from './envelope-fixture.js';
import { notationFormat } from './notation-format.js';

let root: Issued;
let leaf: Issued;
beforeAll(async () => {
  ({ root, leaf } = await issueChain());
});

const revocationOf = async (signature: Uint8Array, more: Partial<TrustMaterial> = {}) => {
  const trust = trusting([root], more);
  const { outcome, checks } = await notationFormat.verify(signature, { manifest: MANIFEST, trust, now: NOW });
  return [outcome, checks.find(({ name }) => name === 'revocation')?.code];
};

describe('revocation of a notation certificate', () => {
  it('is told from the lists at hand', async () => {
    const signature = await forgeJws([leaf, root]);
    const other = await issue({ issuer: root });
    expect(await revocationOf(signature, { crls: [await issueCrl(root, [other])] })).toEqual(['verified', undefined]);
    const revoking = await issueCrl(root, [other, leaf]);
    expect(await revocationOf(signature, { crls: [revoking] })).toEqual(['failed', 'REVOKED']);
    const base64 = revoking.replace(/-----[^-]+-----/g, '').replace(/\s/g, '');
    expect(await revocationOf(signature, { crls: [base64] })).toEqual(['failed', 'REVOKED']);
  });

  it('ignores a list that the issuer did not sign, or may not sign', async () => {
    const signature = await forgeJws([leaf, root]);
    const forged = await issueCrl(root, [leaf], { signer: await issue({ ca: true }) });
    expect(await revocationOf(signature, { crls: [forged] })).toEqual(['verified', undefined]);
    const usage = new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true);
    const silent = await issue({
      ca: true,
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true), usage],
    });
    const under = await issue({ issuer: silent });
    const crls = [await issueCrl(silent, [under])];
    expect((await revocationOf(await forgeJws([under, silent]), { crls, certificates: [silent.pem] }))[0]).toBe(
      'verified',
    );
  });

  it('is unknown for a certificate with an address and no current list', async () => {
    const address = new x509.CRLDistributionPointsExtension(['http://crl.example/a']);
    const signature = await forgeJws([await issue({ issuer: root, more: [address] }), root]);
    expect(await revocationOf(signature)).toEqual(['indeterminate', 'REVOCATION_UNKNOWN']);
    const stale = await issueCrl(root, [], { nextUpdate: new Date('2026-02-01') });
    expect(await revocationOf(signature, { crls: [stale] })).toEqual(['indeterminate', 'REVOCATION_UNKNOWN']);
    const future = await issueCrl(root, [], { thisUpdate: new Date('2026-07-01') });
    expect(await revocationOf(signature, { crls: [future] })).toEqual(['indeterminate', 'REVOCATION_UNKNOWN']);
    expect(await revocationOf(signature, { crls: [await issueCrl(root, [])] })).toEqual(['verified', undefined]);
  });

  it('is unknown for a certificate with an OCSP address', async () => {
    const address = new x509.AuthorityInfoAccessExtension({ ocsp: ['http://ocsp.example'] });
    const signature = await forgeJws([await issue({ issuer: root, more: [address] }), root]);
    expect(await revocationOf(signature)).toEqual(['indeterminate', 'REVOCATION_UNKNOWN']);
  });

  it('is left out when the policy skips it', async () => {
    const address = new x509.CRLDistributionPointsExtension(['http://crl.example/a']);
    const signature = await forgeJws([await issue({ issuer: root, more: [address] }), root]);
    const statement = {
      name: 'a',
      registryScopes: ['*'],
      signatureVerification: { level: 'strict', override: { revocation: 'skip' } },
      trustStores: ['ca:a'],
      trustedIdentities: ['*'],
    };
    const notationTrustPolicy = { version: '1.0', trustPolicies: [statement] };
    expect(await revocationOf(signature, { notationTrustPolicy })).toEqual(['verified', undefined]);
  });

  it('refuses a text that is no list', async () => {
    const signature = await forgeJws([leaf, root]);
    await expect(revocationOf(signature, { crls: ['no list'] })).rejects.toMatchObject({ options: { field: 'crls' } });
  });
});

describe('the lists that tell of a certificate with an address', () => {
  const URL = 'http://crl.example/a';
  const { certificateHold, keyCompromise, removeFromCRL } = x509.X509CrlReason;
  const der = (text: string) => Buffer.from(text.replace(/ /g, ''), 'hex');
  const number = (value: number) => new x509.Extension('2.5.29.20', false, der(`02 01 0${value}`));
  const delta = (value: number) => new x509.Extension('2.5.29.27', true, der(`02 01 0${value}`));
  const scope = (hex: string) => new x509.Extension('2.5.29.28', true, der(hex));
  const place = (url: string) => {
    const [inner, length] = [Buffer.from(url).toString('hex'), url.length];
    const size = (more: number) => (length + more).toString(16).padStart(2, '0');
    return scope(`30 ${size(6)} a0 ${size(4)} a0 ${size(2)} 86 ${size(0)} ${inner}`);
  };
  let listed: Issued;
  let signature: Uint8Array;
  beforeAll(async () => {
    listed = await issue({ issuer: root, more: [new x509.CRLDistributionPointsExtension([URL])] });
    signature = await forgeJws([listed, root]);
  });
  const verdict = async (crls: readonly string[], bytes = signature) =>
    (await revocationOf(bytes, { crls }))[1] ?? 'good';

  it.each<[string, x509.X509CrlReason, x509.X509CrlReason, string]>([
    ['a key that was lost stays lost', keyCompromise, removeFromCRL, 'REVOKED'],
    ['whatever comes later', removeFromCRL, keyCompromise, 'REVOKED'],
    ['a hold counts', certificateHold, certificateHold, 'REVOKED'],
    ['a hold may be lifted', certificateHold, removeFromCRL, 'good'],
    ['a hold may come back', removeFromCRL, certificateHold, 'REVOKED'],
  ])('%s', async (_, first, second, expected) => {
    const before = await issueCrl(root, [listed], { entry: { reason: first } });
    const after = await issueCrl(root, [listed], { entry: { reason: second, revocationDate: NOW } });
    expect(await verdict([before, after])).toBe(expected);
  });

  it.each<[string, number, number, x509.X509CrlReason, string]>([
    ['revokes', 2, 1, keyCompromise, 'REVOKED'],
    ['lifts a hold', 2, 1, removeFromCRL, 'good'],
    ['lifts nothing when it is not newer', 1, 1, removeFromCRL, 'REVOKED'],
    ['lifts nothing when it is of a newer list', 3, 2, removeFromCRL, 'REVOKED'],
  ])('a delta %s', async (_, own, base, reason, expected) => {
    const held = await issueCrl(root, [listed], { extensions: [number(1)], entry: { reason: certificateHold } });
    const change = { extensions: [number(own), delta(base)], entry: { reason, revocationDate: NOW } };
    expect(await verdict([held, await issueCrl(root, [listed], change)])).toBe(expected);
  });

  it('a delta alone says nothing good, and one that is pointed to must be there', async () => {
    const changes = await issueCrl(root, [], { extensions: [number(2), delta(1)] });
    expect(await verdict([changes])).toBe('REVOCATION_UNKNOWN');
    const pointer = new x509.Extension('2.5.29.46', false, der('30 00'));
    const pointing = await forgeJws([await issue({ issuer: root, more: [pointer] }), root]);
    const full = await issueCrl(root, [], { extensions: [number(1)] });
    expect(await verdict([full], pointing)).toBe('REVOCATION_UNKNOWN');
    expect(await verdict([full, changes], pointing)).toBe('good');
  });

  it.each<[string, () => readonly x509.Extension[], string]>([
    ['for its address', () => [place(URL)], 'good'],
    ['for another address', () => [place('http://crl.example/b')], 'REVOCATION_UNKNOWN'],
    ['for leaves', () => [scope('30 03 81 01 ff')], 'good'],
    ['for authorities', () => [scope('30 03 82 01 ff')], 'REVOCATION_UNKNOWN'],
    ['for some reasons', () => [scope('30 04 83 02 01 40')], 'REVOCATION_UNKNOWN'],
    ['for other issuers', () => [scope('30 03 84 01 ff')], 'REVOCATION_UNKNOWN'],
    ['with something critical', () => [new x509.Extension('1.2.3', true, der('05 00'))], 'REVOCATION_UNKNOWN'],
    ['with something else', () => [new x509.Extension('1.2.3', false, der('05 00'))], 'good'],
  ])('a list %s', async (_, extensions, expected) => {
    expect(await verdict([await issueCrl(root, [], { extensions: extensions() })])).toBe(expected);
  });

  it('an entry with something critical leaves its certificate unknown, and others alone', async () => {
    const extensions = [new x509.Extension('1.2.3', true, der('05 00'))];
    expect(await verdict([await issueCrl(root, [listed], { entry: { extensions } })])).toBe('REVOCATION_UNKNOWN');
    expect(await verdict([await issueCrl(root, [leaf], { entry: { extensions } })])).toBe('good');
  });

  it('a certificate was good before its key was lost, when an authority vouches for the time', async () => {
    const crls = [await issueCrl(root, [listed], { entry: { invalidity: new Date('2026-02-15T00:00:00Z') } })];
    const at = (time: string): Changes => ({
      protected: {
        'io.cncf.notary.signingScheme': 'notary.x509.signingAuthority',
        'io.cncf.notary.signingTime': undefined,
        'io.cncf.notary.authenticSigningTime': time,
        crit: ['io.cncf.notary.signingScheme', 'io.cncf.notary.authenticSigningTime'],
      },
    });
    expect(await verdict(crls, await forgeJws([listed, root], at('2026-02-14T00:00:00Z')))).toBe('good');
    expect(await verdict(crls, await forgeJws([listed, root], at('2026-02-16T00:00:00Z')))).toBe('REVOKED');
    const claimed = { protected: { 'io.cncf.notary.signingTime': '2026-02-14T00:00:00Z' } };
    expect(await verdict(crls, await forgeJws([listed, root], claimed))).toBe('REVOKED');
  });

  it('a revocation holds when its list is old', async () => {
    expect(await verdict([await issueCrl(root, [listed], { nextUpdate: new Date('2026-03-01') })])).toBe('REVOKED');
  });
});
