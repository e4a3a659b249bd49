import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { StoredManifest } from '../signature-format.js';
import { cosignFormat } from './cosign-format.js';
import { generateCosignKeyPair } from './encrypted-key.js';
import { contextFor, failuresOf, NOW } from './fixtures.js';
import { CLIENTS, hasClients, requireClients, startRegistry, type TestRegistry } from './registry-fixture.js';
import { SIGN_PREDICATE } from './statement.js';

const NEEDED = ['olareg', 'cosignv2', 'cosignv3'];
const PASSWORD = 'correct horse';
const OFFLINE = { cosignv2: ['--tlog-upload=false'], cosignv3: ['--tlog-upload=false', '--use-signing-config=false'] };
const BUILD = 'https://example.com/build/v1';
let registry: TestRegistry | undefined;
let folder: string;
let keys: Awaited<ReturnType<typeof generateCosignKeyPair>>;

beforeAll(async () => {
  if (!hasClients(...NEEDED)) return;
  folder = mkdtempSync(join(tmpdir(), 'cosign-registry-'));
  keys = await generateCosignKeyPair(PASSWORD);
  writeFileSync(join(folder, 'cosign.key'), keys.privateKey);
  writeFileSync(join(folder, 'cosign.pub'), keys.publicKey);
  writeFileSync(join(folder, 'predicate.json'), '{"builder":"us"}');
  writeFileSync(join(folder, 'root.json'), '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}');
  // Names no service: what cosign 3 asks for on a site of its own.
  writeFileSync(
    join(folder, 'services.json'),
    '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}',
  );
  registry = await startRegistry();
});

afterAll(() => {
  registry?.close();
  if (registry) rmSync(folder, { recursive: true, force: true });
});

describe('cosign in a registry', () => {
  it.for([
    ['cosignv2', []],
    ['cosignv3', []],
    ['cosignv3', ['--new-bundle-format=false']],
    ['cosignv3', ['--signing-config', 'services.json']],
  ] as const)('%s sign %j: we find and verify what it wrote', async ([version, flags], context) => {
    const image = await freshImage(context);
    const offline = flags[0] === '--signing-config' ? [] : OFFLINE[version];
    cosign(version, 'sign', '--key', 'cosign.key', ...offline, ...flags, '-y', nameOf(image));
    const [signature] = await signaturesOf(image);
    expect(signature?.parsed).toMatchObject({ kind: 'signature', manifestDigest: image.digest });
    const report = await verify(signature!.bytes, image);
    expect(failuresOf(report)).toEqual([]);
    expect(report.outcome).toBe('verified');
  });

  it('cosignv3 writes the referrer that we write', async (context) => {
    const image = await freshImage(context);
    cosign('cosignv3', 'sign', '--key', 'cosign.key', ...OFFLINE.cosignv3, '-y', nameOf(image));
    const [theirs] = await registry!.carriersOf(image);
    const [signature] = await signaturesOf(image);
    const ours = cosignFormat.wrap!(image, signature!.bytes, NOW);
    expect(withoutTime(ours.manifest.bytes)).toBe(withoutTime(theirs!.manifest.bytes));
  });

  it.for(['cosignv2', 'cosignv3'] as const)(
    '%s verifies both signatures of our companion manifest',
    async (version, context) => {
      const image = await freshImage(context);
      const signer = await open('tag');
      const first = cosignFormat.wrap!(image, await signer.sign(image, `${registry!.repository}:1.0`, NOW), NOW);
      const second = await signer.sign(image, `${registry!.repository}:2.0`, NOW);
      await registry!.push(first);
      await registry!.push(cosignFormat.wrap!(image, second, NOW, first.manifest.bytes));
      const flags = version === 'cosignv3' ? ['--new-bundle-format=false'] : [];
      expect(JSON.parse(cosign(version, ...VERIFY, ...flags, nameOf(image)))).toHaveLength(2);
    },
  );

  it('cosignv3 verifies our bundle referrer, and not for another image', async (context) => {
    const [image, other] = [await freshImage(context), await freshImage(context)];
    const signature = await (await open('bundle')).sign(image, `${registry!.repository}:1.0`, NOW);
    await registry!.push(cosignFormat.wrap!(image, signature, NOW));
    await registry!.push(cosignFormat.wrap!(other, signature, NOW));
    const shown = JSON.parse(cosign('cosignv3', ...VERIFY, ...EMPTY_ROOT, nameOf(image)));
    expect(shown[0].critical.image['docker-manifest-digest']).toBe(image.digest);
    expect(() => cosign('cosignv3', ...VERIFY, ...EMPTY_ROOT, nameOf(other))).toThrow(/digest/);
    expect(failuresOf(await verify(signature, other))).toEqual(['digest:DIGEST_MISMATCH']);
  });

  it.for(['cosignv2', 'cosignv3'] as const)(
    '%s attest: found as attestation, and no signature',
    async (version, context) => {
      const image = await freshImage(context);
      const about = ['--predicate', 'predicate.json', '--type', BUILD];
      cosign(version, 'attest', '--key', 'cosign.key', ...about, ...OFFLINE[version], '-y', nameOf(image));
      const [found] = await signaturesOf(image);
      expect(found?.parsed).toMatchObject({ kind: 'attestation', predicateType: BUILD });
      expect(failuresOf(await verify(found!.bytes, image))).toEqual(['predicate:PREDICATE_MISMATCH']);
      const trust = { cosignKeys: [keys.publicKey], predicateTypes: [SIGN_PREDICATE, BUILD] };
      expect((await cosignFormat.verify(found!.bytes, contextFor(trust, { manifest: image }))).outcome).toBe(
        'verified',
      );
    },
  );
});

const VERIFY = ['verify', '--key', 'cosign.pub', '--insecure-ignore-tlog'];
const EMPTY_ROOT = ['--trusted-root', 'root.json'];
const nameOf = ({ digest }: StoredManifest) => `${registry!.repository}@${digest}`;
const open = (shape: 'tag' | 'bundle') =>
  cosignFormat.openSigner({ privateKey: keys.privateKey, passphrase: PASSWORD, shape });
const verify = (bytes: Uint8Array, manifest: StoredManifest) =>
  cosignFormat.verify(bytes, contextFor({ cosignKeys: [keys.publicKey] }, { manifest }));

async function freshImage(context: TestContext): Promise<StoredManifest> {
  requireClients(context, ...NEEDED);
  return registry!.pushImage(String(process.hrtime.bigint()));
}

function cosign(version: 'cosignv2' | 'cosignv3', ...args: string[]): string {
  const env = { ...process.env, COSIGN_PASSWORD: PASSWORD };
  return execFileSync(join(CLIENTS, version), args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
}

async function signaturesOf(subject: StoredManifest) {
  const carriers = await registry!.carriersOf(subject);
  return (await Promise.all(carriers.map((carrier) => cosignFormat.extract!(carrier)))).flat();
}

function withoutTime(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString()
    .replace(/image\.created":"[^"]*"/, 'image.created":""');
}
