import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { issue, issueChain } from './certificate-fixture.js';
import { forgeJws, MANIFEST, trusting } from './envelope-fixture.js';
import { inspectNotation } from './inspect-notation.js';
import { notationFormat } from './notation-format.js';
import { stampWithOpenssl } from './timestamp-fixture.js';

const SCOPE = 'local/example';
const notation = findNotation();
let directory: string;

describe.each(['jws', 'cose'] as const)('with the notation client and %s', (shape) => {
  beforeEach(prepare);
  afterEach(cleanUp);

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
      expect(notationVerifies()).toBe(true);
      writePolicy(root.pem, ['x509.subject: C=US, ST=WA, O=Other']);
      expect(notationVerifies()).toBe(false);
    },
  );
});

describe('with the notation client and a timestamp', () => {
  beforeEach(prepare);
  afterEach(cleanUp);

  it('agrees with notation on a good and on a wrong token', async () => {
    const chain = await issueChain();
    const tsaRoot = await issue({ ca: true, subject: 'CN=TSA Root, O=Time', key: 2048 });
    const stamping = new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.8'], true);
    const tsa = await issue({ issuer: tsaRoot, subject: 'CN=TSA, O=Time', key: 2048, more: [stamping] });
    const trust = trusting([chain.root], { tsaCertificates: [tsaRoot.pem] });
    for (const wrong of [false, true]) {
      const envelope = JSON.parse((await forgeJws([chain.leaf, chain.root])).toString()) as {
        signature: string;
        header: object;
      };
      const stamped = wrong ? Buffer.from('other') : Buffer.from(envelope.signature, 'base64url');
      Object.assign(envelope.header, { 'io.cncf.notary.timestampSignature': stampWithOpenssl(stamped, tsa, tsaRoot) });
      const signature = Buffer.from(JSON.stringify(envelope));
      const { manifest, blobs } = notationFormat.wrap!(MANIFEST, signature, new Date());
      for (const { bytes } of blobs) writeBlob(bytes);
      writeLayout(manifest);
      write('notation/truststore/x509/tsa/time/root.crt', tsaRoot.pem);
      writePolicy(chain.root.pem, ['*'], ['ca:acme', 'tsa:time']);
      const ours = await notationFormat.verify(signature, { manifest: MANIFEST, trust, now: new Date() });
      expect(ours.outcome).toBe(wrong ? 'failed' : 'verified');
      expect(notationVerifies()).toBe(!wrong);
    }
  });
});

function prepare(context: TestContext): void {
  if (!notation && process.env['HALLMARK_REQUIRE_CLIENTS'] !== '1')
    context.skip('needs notation: scripts/install-clients.sh');
  directory = mkdtempSync(join(tmpdir(), 'notation-'));
}

function cleanUp(): void {
  if (directory) rmSync(directory, { recursive: true, force: true });
}

/** The verdict of `notation verify` on the image of the layout. */
function notationVerifies(): boolean {
  try {
    const answer = run('verify', '--oci-layout', `${file('layout')}@${MANIFEST.digest}`, '--scope', SCOPE);
    return answer.includes('Successfully verified');
  } catch (error) {
    if (/signature verification failed/.test(String(error))) return false;
    throw error;
  }
}

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

function writePolicy(root: string, trustedIdentities: readonly string[], trustStores = ['ca:acme']): void {
  write('notation/truststore/x509/ca/acme/root.crt', root);
  const statement = {
    name: 'acme',
    registryScopes: [SCOPE],
    signatureVerification: { level: 'strict' },
    trustStores,
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
