import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { tarOf } from './client-tools.js';
import { OCI_CONFIG, OCI_EMPTY, pushBlob, pushImage, putManifest } from './content.js';
import { guard, keyPair, sign } from './guarded.js';
import { type RegistryProcess, sha, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
const keys = [keyPair()];

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const push = (name: string, tag: string) => pushImage(registry, name, tag);

describe('what says that it is attached to something, behind a trust policy', () => {
  it('C13 an image stays refused whatever it says it is attached to, and under whatever tag', async () => {
    const { bytes: _, ...subject } = await push('gate/disguised', 'v1');
    const disguised = await pushImage(registry, 'gate/disguised', 'latest', { subject, artifactType: 'application/x' });
    const tags = [subject.digest.replace(':', '-'), `${subject.digest.replace(':', '-')}.sig`];
    for (const tag of tags) await putManifest(registry, 'gate/disguised', tag, disguised);
    await guard(registry, 'gate/disguised', { cosign_keys: [keys[0]!.publicKey] });
    for (const reference of ['latest', disguised.digest, ...tags])
      await vi.waitFor(async () => {
        const answer = await registry.request('GET', `/v2/gate/disguised/manifests/${reference}`);
        expect([reference, answer.status, answer.code]).toEqual([reference, 403, 'DENIED']);
      });
  });

  const TAR = 'application/vnd.oci.image.layer.v1.tar';
  it.each([
    ['an attestation', OCI_CONFIG, 'application/vnd.dsse.envelope.v1+json'],
    ['a signature', OCI_CONFIG, 'application/vnd.dev.cosign.simplesigning.v1+json'],
    ['a bill of materials', OCI_CONFIG, 'text/spdx+xml'],
    ['a page', 'text/html', TAR],
    ['something else', 'application/vnd.example.config', TAR],
    ['nothing', OCI_EMPTY, TAR],
  ])(
    'C13 an image whose types say that it is %s stays refused, since it runs all the same',
    async (what, type, layer) => {
      const name = `gate/types-${what.replaceAll(' ', '-')}`;
      const { bytes: _, ...subject } = await push(name, 'v1');
      const tar = await tarOf('evil.txt', 'evil');
      const config = { architecture: 'amd64', os: 'linux', rootFS: { type: 'layers', diff_ids: [sha(tar)] } };
      const parts = {
        config: await pushBlob(registry, name, Buffer.from(JSON.stringify(config)), type),
        layers: [await pushBlob(registry, name, tar, layer)],
      };
      const disguised = await pushImage(registry, name, 'latest', { subject, ...parts });
      const tag = `${subject.digest.replace(':', '-')}.att`;
      await putManifest(registry, name, tag, disguised);
      await guard(registry, name, { cosign_keys: [keys[0]!.publicKey] });
      for (const reference of ['latest', disguised.digest, tag])
        await vi.waitFor(async () => {
          const answer = await registry.request('GET', `/v2/${name}/manifests/${reference}`);
          expect([reference, answer.status, answer.code]).toEqual([reference, 403, 'DENIED']);
        });
      for (const view of ['v1/NAME/manifests/v1/references', 'v1-rc1/NAME/manifests/v1/referrers']) {
        const shown = await registry.request('GET', `/v2/_ext/oci-artifacts/${view.replace('NAME', name)}`);
        expect([shown.status, shown.json<{ references: unknown[] }>().references]).toEqual([200, []]);
      }
    },
  );

  it('lets attachments through that are no archives, whatever their config', async () => {
    const name = 'gate/attached';
    const { bytes: _, ...subject } = await push(name, 'v1');
    const config = { rootfs: { type: 'layers', diff_ids: [sha('x')] } };
    const attached = await pushImage(registry, name, undefined, {
      subject,
      config: await pushBlob(registry, name, Buffer.from(JSON.stringify(config)), OCI_CONFIG),
      layers: [await pushBlob(registry, name, Buffer.from('SPDXVersion: SPDX-2.3\n'.repeat(100)), 'text/spdx')],
    });
    const archive = await pushImage(registry, name, undefined, {
      subject,
      config: await pushBlob(registry, name, Buffer.from('{}'), OCI_EMPTY),
      layers: [await pushBlob(registry, name, await tarOf('docs.txt', 'text'), TAR)],
    });
    await guard(registry, name, { cosign_keys: [keys[0]!.publicKey] });
    await vi.waitFor(async () => expect((await registry.request('GET', `/v2/${name}/manifests/v1`)).status).toBe(403));
    for (const { digest } of [attached, archive])
      expect((await registry.request('GET', `/v2/${name}/manifests/${digest}`)).status).toBe(200);
  });

  it.each([
    ['its type', 'application/wasm', '(module)'],
    ['its bytes', 'application/octet-stream', '\0asm\u0001\0\0\0'],
  ])('C13 a module for WebAssembly runs without unpacking, and is known by %s', async (what, type, bytes) => {
    const name = `gate/module-${what.replaceAll(' ', '-')}`;
    const { bytes: _, ...subject } = await push(name, 'v1');
    const config = { architecture: 'wasm', os: 'wasip2', layerDigests: [sha(bytes)], component: null };
    const module = await pushImage(registry, name, undefined, {
      subject,
      config: await pushBlob(
        registry,
        name,
        Buffer.from(JSON.stringify(config)),
        'application/vnd.wasm.config.v0+json',
      ),
      layers: [await pushBlob(registry, name, Buffer.from(bytes), type)],
    });
    await guard(registry, name, { cosign_keys: [keys[0]!.publicKey] });
    await vi.waitFor(async () => {
      const answer = await registry.request('GET', `/v2/${name}/manifests/${module.digest}`);
      expect([answer.status, answer.code]).toEqual([403, 'DENIED']);
    });
  });

  it('refuses a document that is ambiguous, and was stored before that was known, unless it is signed', async () => {
    const name = 'gate/ambiguous';
    const { bytes: _, ...subject } = await push(name, 'v1');
    const stored = await pushImage(registry, name, undefined, { subject, annotations: { mark: 'here' } });
    const bytes = Buffer.from(stored.bytes.toString().replace('"annotations"', '"Layers":[],"annotations"'));
    const digest = sha(bytes);
    await registry.source.query('update manifest set bytes = $1, digest = $2, size = $3 where digest = $4', [
      bytes,
      digest,
      bytes.length,
      stored.digest,
    ]);
    await guard(registry, name, { cosign_keys: [keys[0]!.publicKey] });
    const read = () => registry.request('GET', `/v2/${name}/manifests/${digest}`);
    await vi.waitFor(async () => expect([(await read()).status, (await read()).code]).toEqual([403, 'DENIED']));
    await sign(registry, name, { ...stored, bytes, digest, size: bytes.length }, keys[0]!);
    await vi.waitFor(async () => expect((await read()).status).toBe(200));
  });
});
