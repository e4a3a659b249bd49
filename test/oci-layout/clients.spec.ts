import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as openpgp from 'openpgp';
import { startRegistry, type TestRegistry } from '#signing/formats/cosign/registry-fixture.js';
import { keyPair } from '#signing/formats/cosign/fixtures.js';
import { formatOf } from '#signing/formats/all.js';
import { issueChain } from '#signing/formats/notation/certificate-fixture.js';
import type { BuiltinKeySource, FormatName, StoredManifest } from '#signing/formats/signature-format.js';
import { storeSignatures } from '#signing/store/store-signatures.js';
import { Bench, requireTools } from './tools.js';
import { openWorld, type World } from './world.js';

let world: World;
let bench: Bench;
let registry: TestRegistry;
let repositoryId: string;

beforeEach(async (context) => {
  requireTools(context, 'olareg', 'oras');
  world = await openWorld();
  bench = new Bench();
  registry = await startRegistry();
  repositoryId = await world.repository('team/app');
});
afterEach(async () => {
  registry?.close();
  bench?.close();
  await world?.close();
});

async function signIn(
  world: World,
  manifest: StoredManifest,
  format: FormatName,
  key: BuiltinKeySource,
  reference = '',
) {
  const signer = await formatOf(format).openSigner(key);
  const bytes = await signer.sign(manifest, reference, new Date());
  await storeSignatures(world, repositoryId, [{ format, manifest, bytes }]);
  return bytes;
}

async function pushSigned(format: FormatName, key: BuiltinKeySource): Promise<StoredManifest> {
  const image = await registry.pushImage('busybox');
  const signer = await formatOf(format).openSigner(key);
  const signature = await signer.sign(image, `${registry.repository}:v1`, new Date());
  await registry.push(formatOf(format).wrap!(image, signature, new Date()));
  return image;
}

async function notationKey() {
  const { root, leaf, pem } = await issueChain();
  return { root: root.pem, key: { privateKey: leaf.privateKeyPem, certificates: pem, shape: 'jws' } as const };
}

/** Packs a folder of the bench as a user would. */
const pack = (folder: string) => {
  bench.run('tar', '-cf', `${folder}.tar`, folder);
  return bench.path(`${folder}.tar`);
};

describe('with oras', () => {
  it('000-7 000-8 000-9 000-10 takes the layout that it wrote, packed with its folder, and gives it back', async () => {
    const { key } = await notationKey();
    const image = await pushSigned('notation', key);
    const [before] = await registry.carriersOf(image);
    bench.run(
      'oras',
      'cp',
      '--recursive',
      '--from-plain-http',
      `${registry.repository}@${image.digest}`,
      '--to-oci-layout',
      'busybox:1.36.1-glibc',
    );
    const report = await world.import(repositoryId, pack('busybox'));
    expect(report).toMatchObject({
      tags: 1,
      images: 1,
      signatures: 1,
      signaturesByFormat: { notation: 1 },
      untagged: [],
    });

    const other = await startRegistry();
    try {
      await world.exportFile(repositoryId, bench.path('out.tar'));
      bench.run('mkdir', 'out');
      bench.run('tar', '-xf', 'out.tar', '-C', 'out');
      const to = `${other.repository}:1.36.1-glibc`;
      const said = bench.run(
        'oras',
        'cp',
        '--recursive',
        '--from-oci-layout',
        'out:1.36.1-glibc',
        '--to-plain-http',
        to,
      );
      expect(said).toContain(`Copied [oci-layout] out:1.36.1-glibc => [registry] ${to}`);
      expect(said).toContain(`Digest: ${image.digest}`);
      const after = await other.carriersOf(image);
      expect(after.map((carrier) => carrier.manifest.digest)).toEqual([before!.manifest.digest]);
    } finally {
      other.close();
    }
  });

  it('000-16 reads the exported tar itself, with signatures of images that an index lists', async () => {
    const { key } = await notationKey();
    const child = await world.image(repositoryId, 'child');
    const entry = { mediaType: child.mediaType, digest: child.digest, size: child.size };
    const index = await world.push(
      repositoryId,
      { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [entry] },
      'v1',
    );
    await signIn(world, child, 'notation', key);
    await signIn(world, index, 'notation', key);
    await signIn(world, index, 'cosign', { privateKey: keyPair().privateKey, shape: 'bundle' });
    await world.exportFile(repositoryId, bench.path('out.tar'));
    const said = bench.run(
      'oras',
      'cp',
      '-r',
      '--from-oci-layout',
      'out.tar:v1',
      '--to-plain-http',
      `${registry.repository}:v1`,
    );
    expect(said).toContain(`Digest: ${index.digest}`);
    expect(await registry.carriersOf(index)).toHaveLength(2);
    expect(await registry.carriersOf(child)).toHaveLength(1);
  });

  it('takes a layout without any tag, and says what is untagged', async () => {
    const image = await registry.pushImage('nameless');
    bench.run(
      'oras',
      'cp',
      '--from-plain-http',
      `${registry.repository}@${image.digest}`,
      '--to-oci-layout',
      'nameless',
    );
    expect(await world.import(repositoryId, pack('nameless'))).toMatchObject({
      tags: 0,
      images: 1,
      untagged: [image.digest],
    });
  });
});

describe('with notation', () => {
  it('002-16 verifies the exported layout under strict', async (context) => {
    requireTools(context, 'notation');
    const { root, key } = await notationKey();
    const image = await world.image(repositoryId, 'hello', 'v1');
    await signIn(world, image, 'notation', key);
    await world.exportFile(repositoryId, bench.path('out.tar'));
    bench.run('mkdir', 'hello-world');
    bench.run('tar', '-xf', 'out.tar', '-C', 'hello-world');
    bench.write('notation/truststore/x509/ca/acme/root.crt', root);
    const statement = {
      name: 'a',
      registryScopes: ['local/hello-world'],
      signatureVerification: { level: 'strict' },
      trustStores: ['ca:acme'],
      trustedIdentities: ['*'],
    };
    bench.write('notation/trustpolicy.json', { version: '1.0', trustPolicies: [statement] });
    const verify = () =>
      bench.run('notation', 'verify', '--oci-layout', './hello-world:v1', '--scope', 'local/hello-world');
    expect(verify()).toContain('Successfully verified');
    bench.write('notation/truststore/x509/ca/acme/root.crt', (await notationKey()).root);
    expect(verify).toThrow(/verification failed/);
  });
});

describe('with skopeo', () => {
  it('reads the exported archive without changing a digest, and its layouts are taken', async (context) => {
    requireTools(context, 'skopeo');
    const image = await world.image(repositoryId, 'one', 'v1');
    await world.image(repositoryId, 'two', 'v2');
    await signIn(world, image, 'cosign', { privateKey: keyPair().privateKey, shape: 'tag' });
    await world.exportFile(repositoryId, bench.path('out.tar'));
    const companion = `${image.digest.replace(':', '-')}.sig`;
    for (const tag of ['v1', companion])
      bench.run(
        'skopeo',
        '--insecure-policy',
        'copy',
        '--preserve-digests',
        `oci-archive:out.tar:${tag}`,
        `docker://${registry.repository}:${tag}`,
        '--dest-tls-verify=false',
      );
    expect(await registry.carriersOf(image)).toMatchObject([{ tag: companion }]);
    bench.run(
      'skopeo',
      '--insecure-policy',
      'copy',
      '--preserve-digests',
      '--src-tls-verify=false',
      `docker://${registry.repository}:v1`,
      'oci:theirs:v9',
    );
    expect(await world.import(repositoryId, pack('theirs'))).toMatchObject({ tags: 1, images: 1, version: 4 });
    const exported = (await world.export(repositoryId, { tags: ['v9'] })).toString('latin1');
    expect(exported).toContain(image.digest);
  });

  it('uses the lookaside folder of an unpacked export, and refuses another key', async (context) => {
    requireTools(context, 'skopeo', 'gpg');
    const { privateKey, publicKey } = await openpgp.generateKey({
      userIDs: [{ email: 'a@example.com' }],
      type: 'rsa',
      rsaBits: 2048,
      format: 'armored',
    });
    const stranger = await openpgp.generateKey({
      userIDs: [{ email: 'b@example.com' }],
      type: 'rsa',
      rsaBits: 2048,
      format: 'armored',
    });
    const image = await world.image(repositoryId, 'one', 'v1');
    await signIn(world, image, 'simple', { privateKey }, `${registry.repository}:v1`);
    await world.exportFile(repositoryId, bench.path('out.tar'));
    bench.run('mkdir', 'out');
    bench.run('tar', '-xf', 'out.tar', '-C', 'out');
    bench.run(
      'skopeo',
      '--insecure-policy',
      'copy',
      '--preserve-digests',
      'oci:out:v1',
      `docker://${registry.repository}:v1`,
      '--dest-tls-verify=false',
    );
    bench.write(
      'registries.d/default.yaml',
      `default-docker:\n  sigstore: file://${bench.path('out/signatures/atomic')}\n`,
    );
    const pull = (key: string) => {
      const policy = { default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: bench.write('key.asc', key) }] };
      bench.write('policy.json', policy);
      const flags = ['--policy', 'policy.json', '--registries.d', 'registries.d', 'copy', '--src-tls-verify=false'];
      return bench.run('skopeo', ...flags, `docker://${registry.repository}:v1`, 'dir:pulled');
    };
    expect(() => pull(stranger.publicKey)).toThrow(/not accepted|rejected|Invalid/i);
    expect(pull(publicKey)).toContain('Storing signatures');
  });
});

describe('with cosign', () => {
  it.each(['cosignv2', 'cosignv3'])(
    'takes what %s save wrote: signatures come back under their tag',
    async (cosign) => {
      const image = await pushSigned('cosign', { privateKey: keyPair().privateKey, shape: 'tag' });
      bench.run(cosign, 'save', '--allow-http-registry', '--dir', 'saved', `${registry.repository}@${image.digest}`);
      const report = await world.import(repositoryId, pack('saved'));
      expect(report).toMatchObject({
        tags: 0,
        images: 1,
        signatures: 1,
        signaturesByFormat: { cosign: 1 },
        untagged: [image.digest],
      });
      const exported = (await world.export(repositoryId)).toString('latin1');
      expect(exported).toContain(`"org.opencontainers.image.ref.name":"${image.digest.replace(':', '-')}.sig"`);
    },
  );

  it('verifies an export of its profile, offline', async (context) => {
    requireTools(context, 'cosignv2');
    const { privateKey, publicKey } = keyPair();
    const image = await world.image(repositoryId, 'one', 'v1');
    await signIn(world, image, 'cosign', { privateKey, shape: 'tag' }, 'example.com/team/app:v1');
    await world.exportFile(repositoryId, bench.path('out.tar'), { tags: ['v1'], profile: 'cosign' });
    bench.run('mkdir', 'out');
    bench.run('tar', '-xf', 'out.tar', '-C', 'out');
    const verify = (key: string) =>
      bench.run(
        'cosignv2',
        'verify',
        '--local-image',
        '--key',
        bench.write('key.pub', key),
        '--insecure-ignore-tlog=true',
        'out',
      );
    expect(verify(publicKey)).toContain(image.digest);
    expect(() => verify(keyPair().publicKey)).toThrow(/no matching signatures|invalid signature/);
  });
});

describe('with builders', () => {
  it('002-3 takes layouts that builders write', async (context) => {
    requireTools(context, 'umoci');
    bench.run('umoci', 'init', '--layout', 'built');
    bench.run('umoci', 'new', '--image', 'built:v1');
    expect(await world.import(repositoryId, pack('built'))).toMatchObject({ tags: 1, images: 1 });
  });
});
