import { execFileSync, type ExecFileSyncOptions } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { hexOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { sampleManifest } from '../format-suite.js';
import { cosignFormat } from './cosign-format.js';
import { generateCosignKeyPair } from './encrypted-key.js';
import { contextFor, failuresOf, keyPair, NOW, REFERENCE } from './fixtures.js';
import { decodeLayerDocument, encodeLayerDocument, LayerAnnotation } from './layer-document.js';
import { CLIENTS, requireClients } from './registry-fixture.js';
import { readMaterial } from './signed-material.js';

const PASSWORD = 'correct horse';
const OFFLINE = ['--use-signing-config=false', '--tlog-upload=false', '-y'];
const manifest = sampleManifest();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cosign-spec-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs cosign in the spec's folder; skips the test when it is not installed and need not be. */
function cosign(context: TestContext, version: 'cosignv2' | 'cosignv3', ...args: string[]): string {
  requireClients(context, version);
  return run(join(CLIENTS, version), ...args);
}

function run(program: string, ...args: string[]): string {
  const env = { ...process.env, COSIGN_PASSWORD: PASSWORD };
  const options: ExecFileSyncOptions = { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] };
  return execFileSync(program, args, options).toString();
}

function put(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return name;
}

const take = (name: string) => readFileSync(join(folder, name));

describe('with openssl', () => {
  it.each(['P-256', 'P-384', 'P-521', 'RSA'] as const)('a signature of our %s key verifies', async (type) => {
    const { privateKey, publicKey } = keyPair(type);
    put('key.pub', publicKey);
    for (const shape of ['tag', 'bundle'] as const) {
      const signer = await cosignFormat.openSigner({ privateKey, shape });
      const { signed, signature } = readMaterial(await signer.sign(manifest, REFERENCE, NOW));
      put('data', signed);
      put('data.sig', signature);
      expect(run('openssl', 'dgst', '-sha256', '-verify', 'key.pub', '-signature', 'data.sig', 'data')).toContain('OK');
    }
  });

  it('a signature made by a script with openssl alone verifies here', async () => {
    const { privateKey, publicKey } = keyPair();
    const payload = cosignFormat.payload(manifest, REFERENCE);
    put('key.pem', privateKey);
    put('payload.json', payload);
    run('openssl', 'dgst', '-sha256', '-sign', 'key.pem', '-out', 'payload.sig', 'payload.json');
    const annotations = { [LayerAnnotation.signature]: take('payload.sig').toString('base64') };
    const signature = encodeLayerDocument({ mimeType: MediaType.cosignSimpleSigning, payload, annotations });
    expect(await cosignFormat.verify(signature, contextFor({ cosignKeys: [publicKey] }))).toMatchObject({
      outcome: 'verified',
    });
  });

  it.each(['traditional EC', 'encrypted PKCS#8'])('its %s private keys open', async (form) => {
    run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-out', 'ec.pem');
    run('openssl', 'pkcs8', '-topk8', '-in', 'ec.pem', '-out', 'p8.pem', '-passout', `pass:${PASSWORD}`);
    const privateKey = take(form === 'encrypted PKCS#8' ? 'p8.pem' : 'ec.pem').toString();
    const signer = await cosignFormat.openSigner({ privateKey, passphrase: PASSWORD });
    expect(signer.publicKey).toContain('BEGIN PUBLIC KEY');
    const unopened = cosignFormat.openSigner({ privateKey: take('p8.pem').toString(), passphrase: 'wrong' });
    await expect(unopened).rejects.toMatchObject({ code: 'BAD_PRIVATE_KEY' });
  });
});

describe.each(['cosignv2', 'cosignv3'] as const)('with %s', (version) => {
  it('its key pair signs here, and ours signs there', async (context) => {
    cosign(context, version, 'generate-key-pair', '--output-key-prefix', `theirs-${version}`);
    const theirs = take(`theirs-${version}.key`).toString();
    const signer = await cosignFormat.openSigner({ privateKey: theirs, passphrase: PASSWORD });
    expect(signer.publicKey).toBe(take(`theirs-${version}.pub`).toString());
    await expect(cosignFormat.openSigner({ privateKey: theirs, passphrase: '' })).rejects.toMatchObject({
      code: 'BAD_PASSPHRASE',
    });
    const ours = await generateCosignKeyPair(PASSWORD);
    put('ours.key', ours.privateKey);
    expect(cosign(context, version, 'public-key', '--key', 'ours.key')).toBe(ours.publicKey);
  });

  it.for(['P-256', 'P-384', 'P-521', 'RSA', 'Ed25519'] as const)(
    'our tag signature by a %s key passes verify-blob',
    async (type, context) => {
      requireClients(context, version);
      const { privateKey, publicKey } = keyPair(type);
      const signer = await cosignFormat.openSigner({ privateKey });
      const layer = decodeLayerDocument(await signer.sign(manifest, REFERENCE, NOW));
      put('payload.json', layer.payload);
      put('payload.sig', layer.annotations[LayerAnnotation.signature]!);
      put('key.pub', publicKey);
      const flags = ['--insecure-ignore-tlog', '--key', 'key.pub', '--signature', 'payload.sig'];
      const old = version === 'cosignv3' ? ['--new-bundle-format=false'] : [];
      expect(() => cosign(context, version, 'verify-blob', ...flags, ...old, 'payload.json')).not.toThrow();
    },
  );

  it('its blob signature of our payload verifies here', async (context) => {
    const { privateKey, publicKey } = await generateCosignKeyPair(PASSWORD);
    const payload = cosignFormat.payload(manifest, REFERENCE);
    put('ours.key', privateKey);
    put('payload.json', payload);
    const old = version === 'cosignv3' ? ['--new-bundle-format=false', '--use-signing-config=false'] : [];
    const flags = ['--key', 'ours.key', '--tlog-upload=false', '--output-signature', 'payload.sig', '-y'];
    cosign(context, version, 'sign-blob', ...old, ...flags, 'payload.json');
    const annotations = { [LayerAnnotation.signature]: take('payload.sig').toString() };
    const signature = encodeLayerDocument({ mimeType: MediaType.cosignSimpleSigning, payload, annotations });
    const report = await cosignFormat.verify(signature, contextFor({ cosignKeys: [publicKey] }));
    expect(failuresOf(report)).toEqual([]);
  });
});

describe('with cosignv3 and bundles', () => {
  it('its bundle over our statement verifies here', async (context) => {
    const { privateKey, publicKey } = await generateCosignKeyPair(PASSWORD);
    put('ours.key', privateKey);
    put('statement.json', cosignFormat.payload(manifest, REFERENCE, 'bundle'));
    const flags = ['--statement', 'statement.json', '--key', 'ours.key', '--bundle', 'theirs.json', ...OFFLINE];
    cosign(context, 'cosignv3', 'attest-blob', ...flags);
    const report = await cosignFormat.verify(take('theirs.json'), contextFor({ cosignKeys: [publicKey] }));
    expect(failuresOf(report)).toEqual([]);
    expect(report.outcome).toBe('verified');
    expect(await cosignFormat.parse(take('theirs.json'))).toMatchObject({
      scheme: 'cosign:bundle',
      manifestDigest: manifest.digest,
    });
  });

  it.for(['P-256', 'P-384', 'P-521', 'RSA', 'Ed25519'] as const)(
    'our bundle by a %s key passes',
    async (type, context) => {
      requireClients(context, 'cosignv3');
      const { privateKey, publicKey } = keyPair(type);
      const signer = await cosignFormat.openSigner({ privateKey, shape: 'bundle' });
      put('ours.json', await signer.sign(manifest, REFERENCE, NOW));
      put('key.pub', publicKey);
      put('root.json', '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}');
      const about = [
        '--trusted-root',
        'root.json',
        '--digest',
        hexOf(manifest.digest),
        '--digestAlg',
        'sha256',
        '--type',
        'https://sigstore.dev/cosign/sign/v1',
      ];
      const flags = ['--bundle', 'ours.json', '--key', 'key.pub', '--insecure-ignore-tlog'];
      expect(() => cosign(context, 'cosignv3', 'verify-blob-attestation', ...flags, ...about)).not.toThrow();
    },
  );
});

describe('keys that cosign encrypted', () => {
  it('are refused with other scrypt parameters or a damaged body', async () => {
    const { privateKey } = await generateCosignKeyPair('');
    expect((await cosignFormat.openSigner({ privateKey })).publicKey).toContain('PUBLIC KEY');
    const body = JSON.parse(Buffer.from(privateKey.replace(/-----.*-----/g, ''), 'base64').toString());
    for (const params of [
      { N: 16_384, r: 8, p: 1 },
      { N: 65_536, r: 8, p: 2 },
      { N: 2 ** 24, r: 8, p: 1 },
    ]) {
      const text = Buffer.from(JSON.stringify({ ...body, kdf: { ...body.kdf, params } })).toString('base64');
      const changed = `-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n${text}\n-----END ENCRYPTED COSIGN PRIVATE KEY-----\n`;
      await expect(cosignFormat.openSigner({ privateKey: changed })).rejects.toMatchObject({ code: 'BAD_PRIVATE_KEY' });
    }
  });
});
