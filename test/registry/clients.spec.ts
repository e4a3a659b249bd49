import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientHome, createHome, findProgram, ownStorage, writeLayout } from './client-tools.js';
import { PASSWORD, type RegistryProcess, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
let home: ClientHome;
let layout: string;
let digest: string;

beforeAll(async () => {
  registry = await startRegistry();
  home = await createHome(registry.host);
  layout = join(home.folder, 'layout');
  digest = await writeLayout(layout, 'v1', 'hello from a test');
});
afterAll(async () => {
  await home?.remove();
  await registry?.close();
});

const at = (name: string) => `${registry.host}/clients/${name}`;

async function expectServed(name: string, tag = 'v1'): Promise<void> {
  const answer = await registry.request('HEAD', `/v2/clients/${name}/manifests/${tag}`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('docker-content-digest')).toBe(digest);
}

describe('real clients push an image and pull it back unchanged', () => {
  it.runIf(findProgram('skopeo'))('skopeo', async () => {
    await home.run('skopeo', 'copy', `oci:${layout}:v1`, `docker://${at('skopeo')}:v1`, '--dest-tls-verify=false');
    await expectServed('skopeo');
    const back = join(home.folder, 'skopeo-back');
    await home.run('skopeo', 'copy', '--src-tls-verify=false', `docker://${at('skopeo')}:v1`, `dir:${back}`);
    const tags = await home.run('skopeo', 'list-tags', '--tls-verify=false', `docker://${at('skopeo')}`);
    expect(JSON.parse(tags)).toMatchObject({ Tags: ['v1'] });
    await home.run('skopeo', 'delete', '--tls-verify=false', `docker://${at('skopeo')}:v1`);
    expect((await registry.request('HEAD', '/v2/clients/skopeo/manifests/v1')).status).toBe(404);
  });

  it.runIf(findProgram('podman'))('podman', async () => {
    const storage = ownStorage(home);
    await home.run('podman', ...storage, 'pull', '-q', `oci:${layout}:v1`);
    const id = (await home.run('podman', ...storage, 'images', '-q', '--no-trunc')).trim();
    await home.run('podman', ...storage, 'push', '--tls-verify=false', id, `${at('podman')}:v1`);
    await home.run('podman', ...storage, 'rmi', '-af');
    await home.run('podman', ...storage, 'pull', '-q', '--tls-verify=false', `${at('podman')}:v1`);
    const labels = await home.run(
      'podman',
      ...storage,
      'inspect',
      '--format',
      '{{.Labels.salt}}',
      `${at('podman')}:v1`,
    );
    expect(labels.trim()).toBe('hello from a test');
  });

  it.runIf(findProgram('buildah'))('buildah', async () => {
    const storage = ownStorage(home);
    const container = (await home.run('buildah', ...storage, 'from', 'scratch')).trim();
    await home.run('buildah', ...storage, 'config', '--label', 'made=by-buildah', container);
    await home.run('buildah', ...storage, 'commit', '-q', container, 'localhost/made:v1');
    await home.run(
      'buildah',
      ...storage,
      'push',
      '--tls-verify=false',
      'localhost/made:v1',
      `docker://${at('buildah')}:v1`,
    );
    await home.run('buildah', ...storage, 'pull', '-q', '--tls-verify=false', `docker://${at('buildah')}:v1`);
    expect((await registry.request('HEAD', '/v2/clients/buildah/manifests/v1')).status).toBe(200);
  });

  it.runIf(findProgram('crane'))('crane', async () => {
    await home.run('crane', 'push', layout, `${at('crane')}:v1`, '--insecure');
    await expectServed('crane');
    expect((await home.run('crane', 'digest', '--insecure', `${at('crane')}:v1`)).trim()).toBe(digest);
    await home.run('crane', 'pull', '--insecure', `${at('crane')}:v1`, join(home.folder, 'crane.tar'));
    await home.run('crane', 'copy', '--insecure', `${at('crane')}:v1`, `${at('crane-copy')}:v1`);
    await expectServed('crane-copy');
    expect(await home.run('crane', 'catalog', '--insecure', registry.host)).toContain('clients/crane-copy');
    await home.run('crane', 'validate', '--insecure', '--remote', `${at('crane')}:v1`);
  });

  it.runIf(findProgram('regctl'))('regctl', async () => {
    await home.run('regctl', 'registry', 'set', '--tls', 'disabled', registry.host);
    await home.run('regctl', 'image', 'copy', `ocidir://${layout}:v1`, `${at('regctl')}:v1`);
    await expectServed('regctl');
    await home.run('regctl', 'image', 'copy', `${at('regctl')}:v1`, `ocidir://${join(home.folder, 'regctl-back')}:v1`);
    expect(await home.run('regctl', 'tag', 'ls', at('regctl'))).toBe('v1\n');
    await home.run('regctl', 'tag', 'delete', `${at('regctl')}:v1`);
    expect((await registry.request('HEAD', '/v2/clients/regctl/manifests/v1')).status).toBe(404);
    expect((await registry.request('HEAD', `/v2/clients/regctl/manifests/${digest}`)).status).toBe(200);
  });

  it.runIf(findProgram('oras'))('oras', async () => {
    const plain = '--plain-http';
    await home.run('oras', 'cp', '--from-oci-layout', `${layout}:v1`, `${at('oras')}:v1`, '--to-plain-http');
    await expectServed('oras');
    await home.run('oras', 'attach', plain, '--artifact-type', 'text/sbom', `${at('oras')}:v1`, '--annotation', 'a=b');
    const found = await home.run('oras', 'discover', plain, '-o', 'json', `${at('oras')}:v1`);
    expect(JSON.parse(found)).toMatchObject({ manifests: [{ artifactType: 'text/sbom' }] });
    await home.run(
      'oras',
      'cp',
      '-r',
      '--from-plain-http',
      `${at('oras')}:v1`,
      '--to-oci-layout',
      `${join(home.folder, 'oras-back')}:v1`,
    );
  });
});

describe('real signers attach to an image', () => {
  const empty = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}';

  it.runIf(findProgram('cosignv2'))('cosign 2, two keys under one companion tag', async () => {
    await home.run('crane', 'push', layout, `${at('cosign2')}:v1`, '--insecure');
    const reference = `${at('cosign2')}@${digest}`;
    for (const key of ['one', 'two']) {
      await home.run('cosignv2', 'generate-key-pair', '--output-key-prefix', key);
      await home.run(
        'cosignv2',
        'sign',
        '-y',
        '--key',
        `${key}.key`,
        '--tlog-upload=false',
        '--allow-http-registry',
        reference,
      );
    }
    for (const key of ['one', 'two'])
      await home.run(
        'cosignv2',
        'verify',
        '--key',
        `${key}.pub`,
        '--insecure-ignore-tlog=true',
        '--allow-http-registry',
        reference,
      );
    const tag = await registry.request('GET', `/v2/clients/cosign2/manifests/${digest.replace(':', '-')}.sig`);
    expect(tag.json<{ layers: unknown[] }>().layers.length).toBe(2);
    const units = (await registry.source.query(
      `select format, scheme from signature where manifest_digest = $1 and format = 'cosign' and scheme = 'cosign:tag'`,
      [digest],
    )) as unknown[];
    expect(units.length).toBe(2);
  });

  it.runIf(findProgram('cosignv3'))('cosign 3, as a bundle that only the referrers API shows', async () => {
    await home.run('crane', 'push', layout, `${at('cosign3')}:v1`, '--insecure');
    const reference = `${at('cosign3')}@${digest}`;
    await writeFile(join(home.folder, 'root.json'), empty);
    await home.run('cosignv3', 'generate-key-pair', '--output-key-prefix', 'three');
    const offline = ['--tlog-upload=false', '--use-signing-config=false', '--allow-http-registry'];
    await home.run('cosignv3', 'sign', '-y', '--key', 'three.key', ...offline, reference);
    const listed = await registry.request('GET', `/v2/clients/cosign3/referrers/${digest}`);
    expect(listed.json<{ manifests: unknown[] }>().manifests.length).toBe(1);
    const trust = ['--insecure-ignore-tlog=true', '--trusted-root', 'root.json', '--allow-http-registry'];
    await home.run('cosignv3', 'verify', '--key', 'three.pub', ...trust, reference);
    expect((await registry.request('GET', '/v2/clients/cosign3/tags/list')).json()).toMatchObject({ tags: ['v1'] });
  });

  it.runIf(findProgram('notation') && findProgram('notation-1.0.0'))(
    'notation 1.0 and 1.3, each finding what the other wrote',
    async () => {
      await home.run('crane', 'push', layout, `${at('notation')}:v1`, '--insecure');
      const reference = `${at('notation')}@${digest}`;
      await home.run('notation', 'cert', 'generate-test', '--default', 'hallmark.test');
      const policy = {
        version: '1.0',
        trustPolicies: [
          {
            name: 'all',
            registryScopes: ['*'],
            signatureVerification: { level: 'strict' },
            trustStores: ['ca:hallmark.test'],
            trustedIdentities: ['*'],
          },
        ],
      };
      await writeFile(join(home.folder, '.config/notation/trustpolicy.json'), JSON.stringify(policy));
      const account = ['--insecure-registry', '-u', 'admin', '-p', PASSWORD];
      await home.run('notation-1.0.0', 'sign', ...account, reference);
      await home.run('notation', 'sign', ...account, '--force-referrers-tag=false', reference);
      await home.run('notation-1.0.0', 'sign', ...account, '--signature-format', 'cose', reference);
      for (const program of ['notation', 'notation-1.0.0']) {
        await home.run(program, 'verify', ...account, reference);
        const listed = await home.run(program, 'list', ...account, reference);
        expect(listed.match(/─ sha256:/g)!.length).toBe(3);
      }
      const tag = await registry.request('GET', `/v2/clients/notation/manifests/${digest.replace(':', '-')}`);
      expect(tag.json<{ manifests: unknown[] }>().manifests.length).toBe(3);
    },
  );
});
