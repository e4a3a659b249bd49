import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRegistry } from '#signing/formats/cosign/registry-fixture.js';
import { cosignKey, Ground, notationKey } from './ground.js';
import { requireTools } from './tools.js';

let ground: Ground;

beforeEach(async (context) => {
  requireTools(context, 'olareg', 'oras');
  ground = await Ground.open();
});
afterEach(() => ground?.close());

describe('with oras', () => {
  it('000-7 000-8 000-9 000-10 takes the layout that it wrote, packed with its folder, and gives it back', async () => {
    const { key } = await notationKey();
    const image = await ground.pushSigned('notation', key);
    const [before] = await ground.registry.carriersOf(image);
    ground.bench.run(
      'oras',
      'cp',
      '--recursive',
      '--from-plain-http',
      `${ground.registry.repository}@${image.digest}`,
      '--to-oci-layout',
      'busybox:1.36.1-glibc',
    );
    const report = await ground.world.import(ground.repositoryId, ground.pack('busybox'));
    expect(report).toMatchObject({
      tags: 1,
      images: 1,
      signatures: 1,
      signaturesByFormat: { notation: 1 },
      untagged: [],
    });

    const other = await startRegistry();
    try {
      await ground.unpack('out');
      const to = `${other.repository}:1.36.1-glibc`;
      const said = ground.bench.run(
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
    const child = await ground.world.image(ground.repositoryId, 'child');
    const entry = { mediaType: child.mediaType, digest: child.digest, size: child.size };
    const index = await ground.world.push(
      ground.repositoryId,
      { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [entry] },
      'v1',
    );
    await ground.sign(child, 'notation', key);
    await ground.sign(index, 'notation', key);
    await ground.sign(index, 'cosign', cosignKey('bundle'));
    await ground.export();
    const said = ground.bench.run(
      'oras',
      'cp',
      '-r',
      // One at a time: oras keeps referrers of this registry in a tag, and loses one when it writes two at once.
      '--concurrency=1',
      '--from-oci-layout',
      'out.tar:v1',
      '--to-plain-http',
      `${ground.registry.repository}:v1`,
    );
    expect(said).toContain(`Digest: ${index.digest}`);
    expect(await ground.registry.carriersOf(index)).toHaveLength(2);
    expect(await ground.registry.carriersOf(child)).toHaveLength(1);
  });

  it('takes a layout without any tag, and says what is untagged', async () => {
    const image = await ground.registry.pushImage('nameless');
    ground.bench.run(
      'oras',
      'cp',
      '--from-plain-http',
      `${ground.registry.repository}@${image.digest}`,
      '--to-oci-layout',
      'nameless',
    );
    expect(await ground.world.import(ground.repositoryId, ground.pack('nameless'))).toMatchObject({
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
    const image = await ground.world.image(ground.repositoryId, 'hello', 'v1');
    await ground.sign(image, 'notation', key);
    await ground.unpack('hello-world');
    ground.bench.write('notation/truststore/x509/ca/acme/root.crt', root);
    const statement = {
      name: 'a',
      registryScopes: ['local/hello-world'],
      signatureVerification: { level: 'strict' },
      trustStores: ['ca:acme'],
      trustedIdentities: ['*'],
    };
    ground.bench.write('notation/trustpolicy.json', { version: '1.0', trustPolicies: [statement] });
    const verify = () =>
      ground.bench.run('notation', 'verify', '--oci-layout', './hello-world:v1', '--scope', 'local/hello-world');
    expect(verify()).toContain('Successfully verified');
    ground.bench.write('notation/truststore/x509/ca/acme/root.crt', (await notationKey()).root);
    expect(verify).toThrow(/verification failed/);
  });
});
