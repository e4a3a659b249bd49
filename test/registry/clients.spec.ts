import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needing } from '../real-clients.js';
import { type ClientHome, createHome, writeLayout } from './client-tools.js';
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

describe('real signers attach to an image', () => {
  const [cosign2, cosign3] = [needing('cosignv2', 'crane'), needing('cosignv3', 'crane')];
  const notation = needing('notation', 'notation-1.0.0', 'crane');
  const empty = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}';

  it.skipIf(cosign2.skip)(`cosign 2, two keys under one companion tag${cosign2.note}`, async () => {
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

  it.skipIf(cosign3.skip)(`cosign 3, as a bundle that only the referrers API shows${cosign3.note}`, async () => {
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

  it.skipIf(notation.skip)(`notation 1.0 and 1.3, each finding what the other wrote${notation.note}`, async () => {
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
  });
});
