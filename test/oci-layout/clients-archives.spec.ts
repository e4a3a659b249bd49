import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as openpgp from 'openpgp';
import { keyPair } from '#signing/formats/cosign/fixtures.js';
import { cosignKey, Ground } from './ground.js';
import { requireTools } from './tools.js';

let ground: Ground;

beforeEach(async (context) => {
  requireTools(context, 'olareg');
  ground = await Ground.open();
});
afterEach(() => ground?.close());

describe('with skopeo', () => {
  it('reads the exported archive without changing a digest, and its layouts are taken', async (context) => {
    requireTools(context, 'skopeo');
    const image = await ground.world.image(ground.repositoryId, 'one', 'v1');
    await ground.world.image(ground.repositoryId, 'two', 'v2');
    await ground.sign(image, 'cosign', cosignKey('tag'));
    await ground.export();
    const companion = `${image.digest.replace(':', '-')}.sig`;
    for (const tag of ['v1', companion])
      ground.bench.run(
        'skopeo',
        '--insecure-policy',
        'copy',
        '--preserve-digests',
        `oci-archive:out.tar:${tag}`,
        `docker://${ground.registry.repository}:${tag}`,
        '--dest-tls-verify=false',
      );
    expect(await ground.registry.carriersOf(image)).toMatchObject([{ tag: companion }]);
    ground.bench.run(
      'skopeo',
      '--insecure-policy',
      'copy',
      '--preserve-digests',
      '--src-tls-verify=false',
      `docker://${ground.registry.repository}:v1`,
      'oci:theirs:v9',
    );
    expect(await ground.world.import(ground.repositoryId, ground.pack('theirs'))).toMatchObject({
      tags: 1,
      images: 1,
      version: 4,
    });
    const exported = (await ground.world.export(ground.repositoryId, { tags: ['v9'] })).toString('latin1');
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
    const image = await ground.world.image(ground.repositoryId, 'one', 'v1');
    await ground.sign(image, 'simple', { privateKey }, `${ground.registry.repository}:v1`);
    await ground.unpack('out');
    ground.bench.run(
      'skopeo',
      '--insecure-policy',
      'copy',
      '--preserve-digests',
      'oci:out:v1',
      `docker://${ground.registry.repository}:v1`,
      '--dest-tls-verify=false',
    );
    ground.bench.write(
      'registries.d/default.yaml',
      `default-docker:\n  sigstore: file://${ground.bench.path('out/signatures/atomic')}\n`,
    );
    const pull = (key: string) => {
      const policy = {
        default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: ground.bench.write('key.asc', key) }],
      };
      ground.bench.write('policy.json', policy);
      const flags = ['--policy', 'policy.json', '--registries.d', 'registries.d', 'copy', '--src-tls-verify=false'];
      return ground.bench.run('skopeo', ...flags, `docker://${ground.registry.repository}:v1`, 'dir:pulled');
    };
    expect(() => pull(stranger.publicKey)).toThrow(/not accepted|rejected|Invalid/i);
    expect(pull(publicKey)).toContain('Storing signatures');
  });
});

describe('with cosign', () => {
  it.each(['cosignv2', 'cosignv3'])(
    'takes what %s save wrote: signatures come back under their tag',
    async (cosign) => {
      const image = await ground.pushSigned('cosign', cosignKey('tag'));
      ground.bench.run(
        cosign,
        'save',
        '--allow-http-registry',
        '--dir',
        'saved',
        `${ground.registry.repository}@${image.digest}`,
      );
      const report = await ground.world.import(ground.repositoryId, ground.pack('saved'));
      expect(report).toMatchObject({
        tags: 0,
        images: 1,
        signatures: 1,
        signaturesByFormat: { cosign: 1 },
        untagged: [image.digest],
      });
      const exported = (await ground.world.export(ground.repositoryId)).toString('latin1');
      expect(exported).toContain(`"org.opencontainers.image.ref.name":"${image.digest.replace(':', '-')}.sig"`);
    },
  );

  it('verifies an export of its profile, offline', async (context) => {
    requireTools(context, 'cosignv2');
    const { privateKey, publicKey } = keyPair();
    const image = await ground.world.image(ground.repositoryId, 'one', 'v1');
    await ground.sign(image, 'cosign', { privateKey, shape: 'tag' }, 'example.com/team/app:v1');
    await ground.unpack('out', { tags: ['v1'], profile: 'cosign' });
    const verify = (key: string) =>
      ground.bench.run(
        'cosignv2',
        'verify',
        '--local-image',
        '--key',
        ground.bench.write('key.pub', key),
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
    ground.bench.run('umoci', 'init', '--layout', 'built');
    ground.bench.run('umoci', 'new', '--image', 'built:v1');
    expect(await ground.world.import(ground.repositoryId, ground.pack('built'))).toMatchObject({ tags: 1, images: 1 });
  });
});
