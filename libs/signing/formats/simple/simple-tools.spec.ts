import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sampleManifest } from '../format-suite.js';
import { GpgHome, hasTool } from './gpg-home.js';
import { normalizeSimpleSignature } from './signed-message.js';
import { simpleFormat } from './simple-format.js';
import { writeSimplePayload } from './simple-payload.js';

const present = { gpg: hasTool('gpg'), skopeo: hasTool('skopeo') };
const manifest = sampleManifest();
const reference = 'registry.example.com/team/app:1.0';
const payload = writeSimplePayload({
  manifestDigest: manifest.digest,
  reference,
  creator: 'atomic 5.23.1',
  timestamp: 1_770_000_000,
});
const LONG_AGO = ['--faked-system-time', '20200101T000000'];

describe('simple signatures of real tools', () => {
  let home: GpgHome;
  let rsa: string;
  let ed25519: string;

  beforeAll(() => {
    home = new GpgHome();
    if (!present.gpg) return;
    rsa = home.newKey('rsa@example.com', 'rsa2048');
    ed25519 = home.newKey('ed@example.com', 'ed25519');
  }, 60_000);
  afterAll(() => home.close());

  beforeEach((context) => {
    if (process.env['HALLMARK_REQUIRE_CLIENTS'] === '1') return;
    if (!present.gpg) context.skip('needs gpg: apt-get install gnupg');
    if (!present.skopeo) context.skip('needs skopeo: apt-get install skopeo');
  });

  const signed = (args: string[], data: string | Uint8Array = payload) => home.gpg([...args, '--output', '-'], data);
  const verifyWith = (signature: Uint8Array, openpgpKeys: string[], now = new Date()) =>
    simpleFormat.verify(signature, {
      manifest,
      reference,
      now,
      trust: { openpgpKeys, cosignKeys: [], certificates: [] },
    });
  const codesWith = async (signature: Uint8Array, openpgpKeys: string[], now?: Date) =>
    (await verifyWith(signature, openpgpKeys, now)).checks.flatMap((check) => check.code ?? []);
  const publicKeys = (keys: string[]) => keys.map((key) => home.publicKey(key));
  const verify = (signature: Uint8Array, keys: string[]) => verifyWith(signature, publicKeys(keys));
  const codes = (signature: Uint8Array, keys: string[], now?: Date) => codesWith(signature, publicKeys(keys), now);
  const skopeoVerify = (signature: Uint8Array, fingerprint: string) =>
    home.skopeoVerify(manifest.bytes, reference, fingerprint, signature);

  it.each([['none'], ['zip'], ['zlib'], ['bzip2']])(
    'verifies a message of gpg with compression %s',
    async (compression) => {
      for (const key of [rsa, ed25519]) {
        const signature = signed(['-u', key, '--compress-algo', compression, '--sign']);
        expect(await verify(signature, [ed25519, rsa])).toMatchObject({
          outcome: 'verified',
          signer: { fingerprint: key },
        });
        expect(await codes(signature, [key === rsa ? ed25519 : rsa])).toEqual(['UNKNOWN_KEY']);
        expect(await simpleFormat.parse(signature)).toMatchObject({
          fingerprint: key,
          keyId: key.slice(-16),
          reference,
          creator: 'atomic 5.23.1',
        });
      }
    },
  );

  it.each(['brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1', 'secp256k1', 'dsa2048'])(
    'verifies and refuses with %s as skopeo does, and signs where openpgp does',
    async (algorithm) => {
      const key = home.newKey(`${algorithm}@example.com`, algorithm);
      const signature = signed(['-u', key, '--compress-algo', 'none', '--sign']);
      expect(await verify(signature, [key])).toMatchObject({ outcome: 'verified', signer: { fingerprint: key } });
      expect(skopeoVerify(signature, key)).toContain(manifest.digest);
      const flipped = Uint8Array.from(signature);
      flipped[60]! ^= 1;
      expect(await codes(flipped, [key])).toEqual(['BAD_SIGNATURE']);
      expect(skopeoVerify(flipped, key)).toBe('refused');
      if (!algorithm.startsWith('brainpool')) return;
      const own = await (
        await simpleFormat.openSigner({ privateKey: home.privateKey(key) })
      ).sign(manifest, reference, new Date());
      expect(skopeoVerify(own, key)).toContain(manifest.digest);
    },
  );

  it('verifies what skopeo signed', async () => {
    const files = [home.file('manifest.json', manifest.bytes), reference, rsa, '--output', join(home.path, 'made')];
    home.run('skopeo', ['standalone-sign', ...files]);
    const signature = readFileSync(join(home.path, 'made'));
    expect((await verify(signature, [rsa])).outcome).toBe('verified');
  });

  it.each(['rsa2048', 'ed25519', 'nistp256', 'nistp384', 'nistp521'])(
    'signs with %s so that skopeo verifies it',
    async (algorithm) => {
      const key = home.newKey(`${algorithm}@own.example.com`, algorithm);
      const signer = await simpleFormat.openSigner({ privateKey: home.privateKey(key) });
      expect(signer.fingerprint).toBe(key);
      for (let round = 0; round < 8; round += 1) {
        const signature = await signer.sign(manifest, reference, new Date());
        expect(skopeoVerify(signature, key)).toContain(manifest.digest);
        const flipped = Uint8Array.from(signature);
        flipped[60]! ^= 1;
        expect(skopeoVerify(flipped, key)).toBe('refused');
      }
    },
  );

  it('opens armor and refuses clear text and detached signatures', async () => {
    const armored = signed(['-u', rsa, '--armor', '--sign']);
    await expect(simpleFormat.parse(armored)).rejects.toMatchObject({ code: 'MALFORMED_ENVELOPE' });
    expect((await verify(await normalizeSimpleSignature(armored), [rsa])).outcome).toBe('verified');
    const clear = signed(['-u', rsa, '--clearsign']);
    await expect(normalizeSimpleSignature(clear)).rejects.toThrow(/cleartext/);
    expect(await codes(clear, [rsa])).toEqual(['MALFORMED_ENVELOPE']);
    expect(await codes(signed(['-u', rsa, '--detach-sign']), [rsa])).toEqual(['MALFORMED_ENVELOPE']);
    expect(await codes(signed(['--store']), [rsa])).toEqual(['MALFORMED_ENVELOPE']);
  });

  it('refuses two signatures, as skopeo does', async () => {
    const signature = signed(['-u', rsa, '-u', ed25519, '--sign']);
    expect(await codes(signature, [rsa, ed25519])).toEqual(['MULTIPLE_SIGNATURES']);
    expect(skopeoVerify(signature, rsa)).toBe('refused');
  });

  it('refuses a signature that has expired, and takes it before', async () => {
    const key = home.newKey('old@example.com', 'ed25519', 'sign', 'never', LONG_AGO);
    const signature = signed([...LONG_AGO, '-u', key, '--default-sig-expire', '5d', '--sign']);
    expect(await codes(signature, [key])).toEqual(['SIGNATURE_EXPIRED']);
    expect(skopeoVerify(signature, key)).toBe('refused');
    expect(await codes(signature, [key], new Date('2020-01-03T00:00:00Z'))).toEqual([]);
    expect(await codes(signature, [key], new Date('2019-12-03T00:00:00Z'))).toEqual(['BAD_SIGNATURE']);
  });

  it('refuses a key that has expired since, as skopeo does, and to sign with it', async () => {
    const key = home.newKey('brief@example.com', 'ed25519', 'sign', '5d', LONG_AGO);
    const signature = signed([...LONG_AGO, '-u', key, '--sign']);
    expect(await codes(signature, [key])).toEqual(['KEY_EXPIRED']);
    expect(skopeoVerify(signature, key)).toBe('refused');
    expect(await codes(signature, [key], new Date('2020-01-03T00:00:00Z'))).toEqual([]);
    await expect(simpleFormat.openSigner({ privateKey: home.privateKey(key) })).rejects.toThrow(/expired/);
  });

  it('keeps the signatures of a key whose expiry was moved, also when only the new self-signature is known', async () => {
    const key = home.newKey('moved@example.com', 'ed25519', 'sign', '5d', LONG_AGO);
    const signature = signed([...LONG_AGO, '-u', key, '--sign']);
    home.gpg(['--quick-set-expire', key, '0']);
    const minimal = home.gpg(['--armor', '--export-options', 'export-minimal', '--export', key]).toString();
    expect(await codesWith(signature, [minimal])).toEqual([]);
    expect(skopeoVerify(signature, key)).toContain(manifest.digest);
  });

  it('maps a signing subkey to its primary key, and refuses it once it is revoked', async () => {
    const key = home.newKey('sub@example.com', 'ed25519', 'cert');
    home.gpg(['--quick-add-key', key, 'ed25519', 'sign', 'never']);
    const signature = signed(['-u', key, '--sign']);
    const report = await verify(signature, [key]);
    expect(report).toMatchObject({ outcome: 'verified', signer: { fingerprint: key } });
    expect(report.signer!['signingSubkeyFingerprint']).toMatch(/^[0-9A-F]{40}$/);
    const own = await simpleFormat.openSigner({ privateKey: home.privateKey(key) });
    expect(own.fingerprint).toBe(key);
    expect(await codes(await own.sign(manifest, reference, new Date()), [key])).toEqual([]);
    home.gpg(['--command-fd', '0', '--no-batch', '--edit-key', key], 'key 1\nrevkey\ny\n0\n\ny\nsave\n');
    expect(await codes(signature, [key])).toEqual(['KEY_REVOKED']);
    expect(skopeoVerify(signature, key)).toBe('refused');
    await expect(simpleFormat.openSigner({ privateKey: home.privateKey(key) })).rejects.toThrow(/cannot sign now/);
  });

  it('refuses a revoked primary key', async () => {
    const key = home.newKey('gone@example.com', 'ed25519');
    const signature = signed(['-u', key, '--sign']);
    const before = home.publicKey(key);
    expect(await codesWith(signature, [before])).toEqual([]);
    const certificate = readFileSync(join(home.path, 'openpgp-revocs.d', `${key}.rev`), 'utf8').replace(
      ':-----BEGIN',
      '-----BEGIN',
    );
    home.gpg(['--import'], certificate);
    for (const copies of [
      [before, home.publicKey(key)],
      [home.publicKey(key), before],
    ]) {
      expect(await codesWith(signature, copies)).toEqual(['KEY_REVOKED']);
    }
    expect(await codes(signature, [key])).toEqual(['KEY_REVOKED']);
    await expect(simpleFormat.openSigner({ privateKey: home.privateKey(key) })).rejects.toThrow(/revoked/);
  });

  it('calls SHA-1 and short RSA keys weak', async () => {
    const signature = signed(['-u', rsa, '--digest-algo', 'SHA1', '--sign']);
    const report = await verify(signature, [rsa]);
    expect(report).toMatchObject({ outcome: 'failed', claimed: { reference } });
    expect(await codes(signature, [rsa])).toEqual(['WEAK_ALGORITHM']);
    const short = home.newKey('short@example.com', 'rsa1024');
    expect(await codes(signed(['-u', short, '--sign']), [short])).toEqual(['WEAK_ALGORITHM']);
  });

  it('refuses a signed payload with a member twice, as skopeo does', async () => {
    const twice = Buffer.from(payload).toString().replace('"optional":{', '"optional":{"creator":"x",');
    const signature = signed(['-u', rsa, '--sign'], twice);
    expect(await codes(signature, [rsa])).toEqual(['MALFORMED_PAYLOAD']);
    expect(skopeoVerify(signature, rsa)).toBe('refused');
  });
});
