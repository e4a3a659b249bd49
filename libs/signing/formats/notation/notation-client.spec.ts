import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { issueChain } from './certificate-fixture.js';
import { MANIFEST, trusting } from './envelope-fixture.js';
import { inspectNotation } from './inspect-notation.js';
import { notationFormat } from './notation-format.js';

const SCOPE = 'local/example';
const notation = findNotation();
let directory: string;

describe.each(['jws', 'cose'] as const)('with the notation client and %s', (shape) => {
  beforeEach((context) => {
    if (!notation && process.env['HALLMARK_REQUIRE_CLIENTS'] !== '1')
      context.skip('needs notation: scripts/install-clients.sh');
    directory = mkdtempSync(join(tmpdir(), 'notation-'));
  });
  afterEach(() => directory && rmSync(directory, { recursive: true, force: true }));

  it.each(['P-256', 'P-521', 2048, 3072] as const)('verifies what notation signs with %s', async (key) => {
    const { root, leaf, pem } = await issueChain({ key });
    writeLayout();
    write('notation/signingkeys.json', {
      default: 'k',
      keys: [{ name: 'k', keyPath: file('k.key'), certPath: file('k.crt') }],
    });
    writeFileSync(file('k.key'), leaf.privateKeyPem, { mode: 0o600 });
    writeFileSync(file('k.crt'), pem);
    run(
      'sign',
      '--oci-layout',
      '--signature-format',
      shape,
      '-m',
      'team=blue',
      '-e',
      '24h',
      `${file('layout')}@${MANIFEST.digest}`,
    );
    const { manifest, envelope } = findSignature();
    const now = new Date();
    const report = await notationFormat.verify(envelope, { manifest: MANIFEST, trust: trusting([root]), now });
    expect(report.checks.filter((check) => check.result === 'fail')).toEqual([]);
    expect(report).toMatchObject({
      outcome: 'verified',
      scheme: `notation:${shape}`,
      claimed: { userDefinedAttributes: { team: 'blue' } },
    });
    expect(inspectNotation(envelope).unsignedAttributes['signingAgent']).toMatch(/^notation-go\//);
    const late = await notationFormat.verify(envelope, {
      manifest: MANIFEST,
      trust: trusting([root]),
      now: new Date(now.getTime() + 25 * 3600e3),
    });
    expect(late.checks).toContainEqual(expect.objectContaining({ name: 'expiry', code: 'SIGNATURE_EXPIRED' }));
    expect(JSON.parse(Buffer.from(notationFormat.wrap!(MANIFEST, envelope, now).manifest.bytes).toString())).toEqual(
      manifest,
    );
  });

  it.each(['P-256', 'P-384', 2048, 4096] as const)(
    'makes signatures with %s that notation verifies under strict',
    async (key) => {
      const { root, leaf, pem } = await issueChain({ key });
      const signer = await notationFormat.openSigner({ privateKey: leaf.privateKeyPem, certificates: pem, shape });
      const signature = await signer.sign(MANIFEST, '', new Date());
      const { manifest, blobs } = notationFormat.wrap!(MANIFEST, signature, new Date());
      for (const { bytes } of blobs) writeBlob(bytes);
      writeLayout(manifest);
      writePolicy(root.pem, ['x509.subject: C=US, ST=WA, O=Acme, CN=signer']);
      const verify = () => run('verify', '--oci-layout', `${file('layout')}@${MANIFEST.digest}`, '--scope', SCOPE);
      expect(verify()).toContain('Successfully verified');
      writePolicy(root.pem, ['x509.subject: C=US, ST=WA, O=Other']);
      expect(verify).toThrow();
    },
  );
});

function findNotation(): string | undefined {
  const roots = [process.env['HALLMARK_CLIENTS'] ?? join(import.meta.dirname, '../../../../.clients')];
  const places = [...roots, ...(process.env['PATH'] ?? '').split(delimiter)];
  return places.map((place) => join(place, 'notation')).find((path) => existsSync(path));
}

function file(name: string): string {
  return join(directory, name);
}

function run(...args: string[]): string {
  const env = {
    PATH: process.env['PATH'],
    HOME: directory,
    XDG_CONFIG_HOME: directory,
    XDG_CACHE_HOME: directory,
    NOTATION_EXPERIMENTAL: '1',
  };
  return execFileSync(notation!, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function write(name: string, content: string | object): void {
  mkdirSync(dirname(file(name)), { recursive: true });
  writeFileSync(file(name), typeof content === 'string' ? content : JSON.stringify(content));
}

function writeBlob(bytes: Uint8Array): void {
  mkdirSync(file('layout/blobs/sha256'), { recursive: true });
  writeFileSync(file(`layout/blobs/sha256/${digestOf(bytes).slice(7)}`), bytes);
}

function writeLayout(signature?: { readonly descriptor: object; readonly bytes: Uint8Array }): void {
  writeBlob(MANIFEST.bytes);
  writeBlob(Buffer.from('one'));
  if (signature) writeBlob(signature.bytes);
  const image = { mediaType: MANIFEST.mediaType, digest: MANIFEST.digest, size: MANIFEST.size };
  write('layout/oci-layout', { imageLayoutVersion: '1.0.0' });
  write('layout/index.json', {
    schemaVersion: 2,
    mediaType: MediaType.ociIndex,
    manifests: [
      { ...image, annotations: { 'org.opencontainers.image.ref.name': 'v1' } },
      ...(signature ? [signature.descriptor] : []),
    ],
  });
}

function writePolicy(root: string, trustedIdentities: readonly string[]): void {
  write('notation/truststore/x509/ca/acme/root.crt', root);
  const statement = {
    name: 'acme',
    registryScopes: [SCOPE],
    signatureVerification: { level: 'strict' },
    trustStores: ['ca:acme'],
    trustedIdentities,
  };
  write('notation/trustpolicy.json', { version: '1.0', trustPolicies: [statement] });
}

function findSignature(): { manifest: object; envelope: Uint8Array } {
  const index = JSON.parse(readFileSync(file('layout/index.json'), 'utf8')) as { manifests: { digest: string }[] };
  const { digest } = index.manifests.find((each) => each.digest !== MANIFEST.digest)!;
  const blob = (name: string) => readFileSync(file(`layout/blobs/sha256/${name.slice(7)}`));
  const manifest = JSON.parse(blob(digest).toString()) as { layers: { digest: string }[] };
  return { manifest, envelope: blob(manifest.layers[0]!.digest) };
}
