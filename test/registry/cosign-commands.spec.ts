import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needing } from '../real-clients.js';
import { type ClientHome, createHome, manifestAt, writeLayout } from './client-tools.js';
import { type RegistryProcess, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
let home: ClientHome;
let digest: string;
let host: string;
const { skip, note } = needing('cosignv2', 'cosignv3', 'oras');

beforeAll(async () => {
  if (skip) return;
  registry = await startRegistry();
  host = `127.0.0.1:${registry.port}`;
  home = await createHome(host);
  digest = await writeLayout(join(home.folder, 'layout'), 'v1', 'what cosign works on');
  const root = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}';
  await writeFile(join(home.folder, 'root.json'), root);
  await writeFile(join(home.folder, 'predicate.json'), '{"made":"by a test"}');
  await writeFile(join(home.folder, 'sbom.spdx'), 'SPDXVersion: SPDX-2.3\n');
  for (const key of ['one', 'two']) await home.run('cosignv2', 'generate-key-pair', '--output-key-prefix', key);
});
afterAll(async () => {
  if (skip) return;
  await home.remove();
  await registry.close();
});

describe.skipIf(skip).each(['cosignv2', 'cosignv3'])(`%s${note}`, (program) => {
  const v3 = program === 'cosignv3';
  const http = '--allow-http-registry';
  const offline = ['--tlog-upload=false', ...(v3 ? ['--use-signing-config=false'] : []), http, '-y'];
  const trust = ['--insecure-ignore-tlog=true', ...(v3 ? ['--trusted-root', 'root.json'] : []), http];
  // Version 3.0 saves, copies and downloads what is under companion tags only, and compares annotations there only.
  const tagged = v3 ? ['--new-bundle-format=false'] : [];
  const run = (...args: string[]) => home.run(program, ...args);
  const place = (name: string) => `${host}/commands/${program}-${name}`;
  const sign = (key: string, name: string, ...flags: string[]) =>
    run('sign', '--key', `${key}.key`, ...offline, ...flags, `${place(name)}@${digest}`);
  const verify = async (key: string, name: string, ...flags: string[]) => {
    const shown = await run('verify', '--key', `${key}.pub`, ...trust, ...flags, `${place(name)}@${digest}`);
    return JSON.parse(shown) as object[];
  };
  const upload = (name: string) =>
    home.run(
      'oras',
      'cp',
      '--from-oci-layout',
      `${join(home.folder, 'layout')}:v1`,
      '--to-plain-http',
      `${place(name)}:v1`,
    );

  it('finds the signatures of two keys, each by its annotations', async () => {
    await upload('keys');
    await sign('one', 'keys', ...tagged, '-a', 'stage=test');
    await sign('two', 'keys', ...tagged, '-a', 'stage=release');
    expect(await verify('one', 'keys', ...tagged, '-a', 'stage=test')).toHaveLength(1);
    expect(await verify('two', 'keys', ...tagged, '-a', 'stage=release')).toHaveLength(1);
    await expect(verify('one', 'keys', ...tagged, '-a', 'stage=release')).rejects.toThrow(/annotation/);
    await sign('one', 'keys', ...tagged, '-a', 'stage=later');
    expect(await verify('one', 'keys', ...tagged)).toHaveLength(2);
  });

  it('shows and downloads what is attached', async () => {
    await upload('shown');
    await sign('one', 'shown', ...tagged);
    const type = ['--type', 'https://example.com/made'];
    const at = `${place('shown')}@${digest}`;
    await run('attest', '--key', 'one.key', '--predicate', 'predicate.json', ...type, ...offline, ...tagged, at);
    await run('attach', 'sbom', '--sbom', 'sbom.spdx', http, at);
    expect(await run('download', 'sbom', http, at)).toContain('SPDX-2.3');
    expect(await run('download', 'signature', http, at)).not.toBe('');
    expect(await run('download', 'attestation', http, at)).toContain('payload');
    expect(await run('triangulate', http, at)).toBe(`${place('shown')}:${digest.replace(':', '-')}.sig\n`);
    expect(await run('tree', http, at)).toMatch(/Supply Chain Security Related artifacts[^]*SBOMs/);
    const attested = await run('verify-attestation', '--key', 'one.pub', ...type, ...trust, ...tagged, at);
    expect(JSON.parse(attested)).toMatchObject({ payloadType: 'application/vnd.in-toto+json' });
  });

  it('saves an image with its signature, and loads it elsewhere', async () => {
    await upload('saved');
    await sign('one', 'saved', ...tagged);
    const folder = join(home.folder, `${program}-saved`);
    await run('save', '--dir', folder, http, `${place('saved')}@${digest}`);
    await run('load', '--dir', folder, http, `${place('loaded')}:v1`);
    expect(await verify('one', 'loaded', ...tagged)).toHaveLength(1);
  });

  it('copies companion tags along, and cleans them away', async () => {
    await upload('copied');
    await sign('one', 'copied', ...tagged);
    await run('copy', http, `${place('copied')}:v1`, `${place('copy')}:v1`);
    expect(await verify('one', 'copy', ...tagged)).toHaveLength(1);
    await run('clean', '-f', '--type', 'signature', http, `${place('copy')}:v1`);
    await expect(verify('one', 'copy', ...tagged)).rejects.toThrow(/no signatures found/);
    expect(await verify('one', 'copied', ...tagged)).toHaveLength(1);
  });

  it('signs an index with all that it lists', async () => {
    const folder = join(home.folder, 'several');
    const index = await writeLayout(folder, 'v1', 'for two machines', ['amd64', 'arm64']);
    await home.run('oras', 'cp', '--from-oci-layout', `${folder}:v1`, '--to-plain-http', `${place('index')}:v1`);
    await run('sign', '--key', 'one.key', '--recursive', ...offline, `${place('index')}@${index}`);
    const { manifests } = JSON.parse(await manifestAt(host, `commands/${program}-index`, index)) as {
      manifests: { digest: string }[];
    };
    expect(manifests).toHaveLength(2);
    for (const digest of [index, ...manifests.map((each) => each.digest)])
      expect(JSON.parse(await run('verify', '--key', 'one.pub', ...trust, `${place('index')}@${digest}`))).toHaveLength(
        1,
      );
  });
});
