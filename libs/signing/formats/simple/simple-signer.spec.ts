import { generateKey } from 'openpgp';
import { describe, expect, it } from 'vitest';
import { GpgHome, hasTool } from './gpg-home.js';
import { openSimpleSigner } from './simple-signer.js';

const userIDs = [{ name: 'Signer', email: 'signer@example.com' }];

describe('signer of simple signatures', () => {
  it('opens an encrypted key with its passphrase only', async () => {
    const { privateKey } = await generateKey({ userIDs, passphrase: 'secret' });
    await expect(openSimpleSigner({ privateKey })).rejects.toMatchObject({ code: 'KEY_ENCRYPTED' });
    await expect(openSimpleSigner({ privateKey, passphrase: 'wrong' })).rejects.toMatchObject({
      code: 'WRONG_PASSPHRASE',
    });
    const { publicKey, fingerprint } = await openSimpleSigner({ privateKey, passphrase: 'secret' });
    expect(publicKey).toContain('BEGIN PGP PUBLIC KEY BLOCK');
    expect(fingerprint).toMatch(/^[0-9A-F]{40}$/);
  });

  it('opens a key that gpg encrypted', async (context) => {
    if (process.env['HALLMARK_REQUIRE_CLIENTS'] !== '1' && !hasTool('gpg'))
      context.skip('needs gpg: apt-get install gnupg');
    const home = new GpgHome();
    try {
      home.gpg(['--passphrase', 'secret', '--quick-gen-key', 'locked@example.com', 'ed25519', 'sign', 'never']);
      const armored = home
        .gpg(['--passphrase', 'secret', '--armor', '--export-secret-keys', 'locked@example.com'])
        .toString();
      const signer = await openSimpleSigner({ privateKey: armored, passphrase: 'secret' });
      expect(signer.fingerprint).toMatch(/^[0-9A-F]{40}$/);
    } finally {
      home.close();
    }
  });

  it('refuses an expired key, a public key and text that is none', async () => {
    const made = await generateKey({ userIDs, date: new Date('2020-01-01T00:00:00Z'), keyExpirationTime: 60 });
    await expect(openSimpleSigner({ privateKey: made.privateKey })).rejects.toMatchObject({ code: 'KEY_UNUSABLE' });
    await expect(openSimpleSigner({ privateKey: made.publicKey })).rejects.toMatchObject({ code: 'KEY_UNREADABLE' });
    await expect(openSimpleSigner({ privateKey: 'none' })).rejects.toMatchObject({ code: 'KEY_UNREADABLE' });
  });
});
