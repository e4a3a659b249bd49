import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TrustMaterial } from '../../trust-material.js';
import { issue, issueChain, issueCrl, type Issued } from './certificate-fixture.js';
import { forgeJws, MANIFEST, NOW, trusting } from './envelope-fixture.js';
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
