import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cosignKey, Ground, notationKey } from './ground.js';
import { requireTools } from './tools.js';

let ground: Ground;
let host: string;

beforeEach(async (context) => {
  requireTools(context, 'olareg');
  ground = await Ground.open();
  host = ground.registry.repository.split('/')[0]!;
});
afterEach(() => ground?.close());

describe('with crane', () => {
  it('pushes an unpacked export without changing a digest, and the layout that it writes is taken', async (context) => {
    requireTools(context, 'crane');
    const image = await ground.world.image(ground.repositoryId, 'one', 'v1');
    await ground.unpack('ours', { tags: ['v1'], signatures: false });
    const reference = `${ground.registry.repository}:v1`;
    ground.bench.run('crane', 'push', '--insecure', 'ours', reference);
    expect(ground.bench.run('crane', 'digest', '--insecure', reference).trim()).toBe(image.digest);
    ground.bench.run('crane', 'pull', '--insecure', '--format=oci', '--annotate-ref', reference, 'theirs');
    const empty = await ground.world.repository('team/empty');
    expect(await ground.world.import(empty, ground.pack('theirs'))).toMatchObject({ tags: 1, images: 1, version: 1 });
    expect((await ground.world.export(empty)).toString('latin1')).toContain(image.digest);
  });
});

describe('with regctl', () => {
  const regctl = (...args: string[]) => ground.bench.run('regctl', ...args);
  beforeEach((context) => {
    requireTools(context, 'regctl');
    regctl('registry', 'set', '--tls', 'disabled', host);
  });

  it('imports the exported archive, and the archive that it exports is taken', async () => {
    const image = await ground.world.image(ground.repositoryId, 'one', 'v1');
    await ground.export({ tags: ['v1'] });
    const reference = `${ground.registry.repository}:v1`;
    regctl('image', 'import', '--name', 'v1', reference, 'out.tar');
    expect(regctl('image', 'digest', reference).trim()).toBe(image.digest);
    regctl('image', 'export', reference, 'theirs.tar');
    const empty = await ground.world.repository('team/empty');
    const report = await ground.world.import(empty, ground.bench.path('theirs.tar'));
    expect(report).toMatchObject({ images: 1, manifests: 1, version: 1 });
  });

  it('copies an unpacked export with its companion tags', async () => {
    const image = await ground.world.image(ground.repositoryId, 'one', 'v1');
    await ground.sign(image, 'cosign', cosignKey('tag'));
    await ground.unpack('ours');
    const reference = `${ground.registry.repository}:v1`;
    regctl('image', 'copy', '--digest-tags', 'ocidir://ours:v1', reference);
    expect(regctl('image', 'digest', reference).trim()).toBe(image.digest);
    expect(await ground.registry.carriersOf(image)).toMatchObject([{ tag: `${image.digest.replace(':', '-')}.sig` }]);
  });

  it.each([
    ['cosign', 'referrers', () => cosignKey('bundle')],
    ['cosign', 'companion tags', () => cosignKey('tag')],
    ['notation', 'referrers', async () => (await notationKey()).key],
  ] as const)('writes layouts with signatures of %s as %s, which are taken', async (format, _way, key) => {
    const image = await ground.pushSigned(format, await key());
    const reference = `${ground.registry.repository}@${image.digest}`;
    regctl('image', 'copy', '--referrers', '--digest-tags', reference, 'ocidir://theirs:v1');
    const empty = await ground.world.repository('team/empty');
    const report = await ground.world.import(empty, ground.pack('theirs'));
    expect(report).toMatchObject({
      tags: 1,
      images: 1,
      signatures: 1,
      signaturesByFormat: { [format]: 1 },
      version: 1,
    });
  });
});
