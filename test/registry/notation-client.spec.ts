import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needing } from '../real-clients.js';
import { type ClientHome, createHome, writeLayout } from './client-tools.js';
import { PASSWORD, type RegistryProcess, startRegistry } from './registry-process.js';

const tools = needing('notation', 'notation-1.0.0', 'oras');
const ACCOUNT = ['--insecure-registry', '-u', 'admin', '-p', PASSWORD];

interface Inspection {
  readonly Signatures: readonly {
    readonly mediaType: string;
    readonly userDefinedAttributes: Readonly<Record<string, string>> | null;
    readonly signedArtifact: { readonly digest: string };
  }[];
}

describe.skipIf(tools.skip)(`notation against the registry${tools.note}`, () => {
  let registry: RegistryProcess;
  let home: ClientHome;
  let layout: string;
  let digest: string;

  beforeAll(async () => {
    registry = await startRegistry();
    home = await createHome(registry.host);
    layout = join(home.folder, 'layout');
    digest = await writeLayout(layout, 'v1', 'to be signed');
    await home.run('notation', 'cert', 'generate-test', '--default', 'hallmark.test');
    await trustIn(['*']);
  });
  afterAll(async () => {
    await home?.remove();
    await registry?.close();
  });

  const at = (name: string) => `${registry.host}/notation/${name}@${digest}`;
  const trustIn = (registryScopes: readonly string[]) => {
    const statement = {
      name: 'all',
      registryScopes,
      signatureVerification: { level: 'strict' },
      trustStores: ['ca:hallmark.test'],
      trustedIdentities: ['*'],
    };
    const policy = JSON.stringify({ version: '1.0', trustPolicies: [statement] });
    return writeFile(join(home.folder, '.config/notation/trustpolicy.json'), policy);
  };
  const push = (name: string) =>
    home.run(
      'oras',
      'cp',
      '--from-oci-layout',
      `${layout}:v1`,
      '--to-plain-http',
      `${registry.host}/notation/${name}:v1`,
    );
  const inspect = async (program: string, name: string) =>
    JSON.parse(await home.run(program, 'inspect', '-o', 'json', ...ACCOUNT, at(name))) as Inspection;

  it.each(['true', 'false'])(
    'signs with --force-referrers-tag=%s; list and inspect show it by either way',
    async (forced) => {
      const name = `forced-${forced}`;
      await push(name);
      await home.run('notation', 'sign', `--force-referrers-tag=${forced}`, '-m', 'team=blue', ...ACCOUNT, at(name));
      const fallback = await registry.request('GET', `/v2/notation/${name}/manifests/${digest.replace(':', '-')}`);
      const listed = await registry.request('GET', `/v2/notation/${name}/referrers/${digest}`);
      expect(fallback.json<{ manifests: unknown }>().manifests).toEqual(
        listed.json<{ manifests: unknown }>().manifests,
      );
      for (const program of ['notation', 'notation-1.0.0']) {
        expect(await home.run(program, 'list', ...ACCOUNT, at(name))).toMatch(/─ sha256:/);
        const [shown] = (await inspect(program, name)).Signatures;
        expect(shown).toMatchObject({ signedArtifact: { digest }, userDefinedAttributes: { team: 'blue' } });
        expect(await home.run(program, 'inspect', ...ACCOUNT, at(name))).toContain('team: blue');
      }
    },
  );

  it('verifies metadata and scope, and nothing else', async () => {
    await push('checked');
    await home.run('notation', 'sign', '-m', 'team=blue', ...ACCOUNT, at('checked'));
    const verify = (...args: string[]) => home.run('notation', 'verify', ...args, ...ACCOUNT, at('checked'));
    expect(await verify('-m', 'team=blue')).toContain('Successfully verified');
    await expect(verify('-m', 'team=red')).rejects.toThrow();
    await trustIn([`${registry.host}/notation/other`]);
    await expect(verify()).rejects.toThrow(/no applicable/);
    await trustIn([`${registry.host}/notation/checked`]);
    expect(await verify()).toContain('Successfully verified');
    await trustIn(['*']);
  });

  it('says that an image without signatures has none', async () => {
    await push('plain');
    expect(await home.run('notation', 'list', ...ACCOUNT, at('plain'))).toContain('has no associated signature');
    await expect(home.run('notation', 'verify', ...ACCOUNT, at('plain'))).rejects.toThrow(/no signature/);
  });
});
