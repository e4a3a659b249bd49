import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Bench, Cases } from './client-bench.js';
import { manifestAt } from './client-tools.js';
import { PASSWORD } from './registry-process.js';

/** What regctl does. */
export function regctlCases({ home, host, layout, digest, multi }: Bench): Cases {
  const at = `${host}/clients/regctl`;
  const run = (...args: string[]) => home.run('regctl', ...args);
  return {
    async push() {
      await run('registry', 'set', '--tls', 'disabled', host);
      await run('image', 'copy', `ocidir://${layout}:v1`, `${at}:v1`);
    },
    pull: async () => void (await run('image', 'copy', `${at}:v1`, `ocidir://${join(home.folder, 'regctl-back')}:v1`)),
    'list tags': async () => expect(await run('tag', 'ls', at)).toBe('v1\n'),
    mount: async () => void (await run('image', 'copy', `${at}:v1`, `${at}-mounted:v1`)),
    retag: async () => void (await run('image', 'copy', `${at}:v1`, `${at}:again`)),
    async rewrite() {
      await run(
        'image',
        'mod',
        `${at}:v1`,
        '--create',
        `${at}-made:v1`,
        '--label',
        'changed=yes',
        '--annotation',
        'a=b',
      );
      await run('image', 'mod', `${at}:v1`, '--create', `${at}-made:docker`, '--to-docker');
    },
    async zstd() {
      await run('image', 'mod', `${at}:v1`, '--create', `${at}-made:zstd`, '--layer-compress', 'zstd');
      expect(await manifestAt(host, 'clients/regctl-made', 'zstd')).toContain('.tar+zstd"');
    },
    async 'multi-arch'() {
      await run('image', 'copy', `ocidir://${multi.layout}:v1`, `${at}-multi:v1`);
      expect((await run('image', 'digest', `${at}-multi:v1`)).trim()).toBe(multi.digest);
      await run('index', 'create', `${at}-multi:made`, '--ref', `${at}-multi:v1`, '--platform', 'linux/arm64');
      await run('index', 'add', `${at}-multi:made`, '--ref', `${at}:v1`);
    },
    copy: async () => void (await run('image', 'copy', '--referrers', '--digest-tags', `${at}:v1`, `${at}-copy:v1`)),
    async attach() {
      const file = join(home.folder, 'note.txt');
      await writeFile(file, 'a note');
      await run('artifact', 'put', '--artifact-type', 'text/x-note', '--subject', `${at}:v1`, '-f', file);
      expect(await run('artifact', 'list', `${at}:v1`)).toContain('text/x-note');
      expect(await run('artifact', 'tree', `${at}:v1`)).toContain('text/x-note');
      const found = ['--subject', `${at}:v1`, '--filter-artifact-type', 'text/x-note'];
      expect(await run('artifact', 'get', ...found)).toBe('a note');
    },
    async delete() {
      await run('tag', 'delete', `${at}:v1`);
      await run('manifest', 'delete', `${at}@${digest}`);
    },
  };
}

/** What oras does. */
export function orasCases({ home, host, layout, digest, multi }: Bench): Cases {
  const at = `${host}/clients/oras`;
  const run = (...args: string[]) => home.run('oras', ...args);
  const both = ['--from-plain-http', '--to-plain-http'];
  return {
    push: async () => void (await run('cp', '--from-oci-layout', `${layout}:v1`, '--to-plain-http', `${at}:v1`)),
    async pull() {
      const back = `${join(home.folder, 'oras-back')}:v1`;
      await run('cp', '--from-plain-http', `${at}:v1`, '--to-oci-layout', back);
    },
    'list tags': async () => expect(await run('repo', 'tags', '--plain-http', at)).toBe('v1\n'),
    mount: async () => void (await run('cp', ...both, `${at}:v1`, `${at}-mounted:v1`)),
    async attach() {
      await run('attach', '--plain-http', '--artifact-type', 'text/sbom', '--annotation', 'a=b', `${at}:v1`);
      const found = await run('discover', '--plain-http', '--format', 'json', `${at}:v1`);
      expect(found).toContain('text/sbom');
      const old = ['--plain-http', '--distribution-spec', 'v1.1-referrers-tag'];
      await run('attach', ...old, '--artifact-type', 'text/old', '--annotation', 'a=b', `${at}:v1`);
      const tree = await run('discover', '--plain-http', '--format', 'tree', '-v', `${at}:v1`);
      for (const type of ['text/sbom', 'text/old']) expect(tree).toContain(type);
    },
    async retag() {
      await run('tag', '--plain-http', `${at}:v1`, 'again', 'once-more');
      expect((await run('resolve', '--plain-http', `${at}:once-more`)).trim()).toBe(digest);
    },
    async 'multi-arch'() {
      await run('cp', '--from-oci-layout', `${multi.layout}:v1`, '--to-plain-http', `${at}-multi:v1`);
      expect((await run('resolve', '--plain-http', `${at}-multi:v1`)).trim()).toBe(multi.digest);
    },
    copy: async () => void (await run('cp', '-r', ...both, `${at}:v1`, `${at}-copy:v1`)),
    delete: async () => void (await run('manifest', 'delete', '--plain-http', '-f', `${at}@${digest}`)),
  };
}

/** What notation does, in either version. */
export function notationCases({ home, host, layout, digest }: Bench, program: string): Cases {
  const at = `${host}/clients/${program}`;
  const reference = `${at}@${digest}`;
  const account = ['--insecure-registry', '-u', 'admin', '-p', PASSWORD];
  return {
    async sign() {
      await home.run('oras', 'cp', '--from-oci-layout', `${layout}:v1`, '--to-plain-http', `${at}:v1`);
      await home.run(program, 'sign', ...account, reference);
      await home.run(program, 'sign', ...account, '--signature-format', 'cose', reference);
    },
    async verify() {
      await home.run(program, 'verify', ...account, reference);
      const listed = await home.run(program, 'list', ...account, reference);
      expect(listed.match(/─ sha256:/g)!.length).toBe(2);
    },
  };
}

/** What cosign does, in either version. */
export function cosignCases({ home, host, layout, digest }: Bench, program: string): Cases {
  const at = `${host}/clients/${program}`;
  const reference = `${at}@${digest}`;
  const v3 = program === 'cosignv3';
  const http = '--allow-http-registry';
  const offline = ['--tlog-upload=false', ...(v3 ? ['--use-signing-config=false'] : []), http];
  const trust = ['--insecure-ignore-tlog=true', ...(v3 ? ['--trusted-root', 'root.json'] : []), http];
  const run = (...args: string[]) => home.run(program, ...args);
  return {
    async sign() {
      const root = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}';
      await writeFile(join(home.folder, 'root.json'), root);
      await home.run('oras', 'cp', '--from-oci-layout', `${layout}:v1`, '--to-plain-http', `${at}:v1`);
      await run('generate-key-pair', '--output-key-prefix', program);
      await run('sign', '-y', '--key', `${program}.key`, ...offline, reference);
    },
    verify: async () => void (await run('verify', '--key', `${program}.pub`, ...trust, reference)),
    async attach() {
      await writeFile(join(home.folder, 'predicate.json'), '{"made":"by a test"}');
      const predicate = ['--predicate', 'predicate.json', '--type', 'https://example.com/made'];

      await run('generate-key-pair', '--output-key-prefix', `${program}-attest`);
      await run('attest', '-y', '--key', `${program}-attest.key`, ...predicate, ...offline, reference);
      const type = ['--type', 'https://example.com/made'];
      await run('verify-attestation', '--key', `${program}-attest.pub`, ...type, ...trust, reference);
    },
    copy: async () => void (await run('copy', http, `${at}:v1`, `${at}-copy:v1`)),
    // What version 3 writes are no companion tags, and nothing else is cleaned by it.
    ...(v3 ? {} : { delete: async () => void (await run('clean', '-f', '--type', 'all', http, `${at}:v1`)) }),
  };
}

/** What helm does with charts. */
export function helmCases({ home, host, gpg }: Bench): Cases {
  const at = `oci://${host}/clients`;
  const run = (...args: string[]) => home.run('helm', ...args);
  return {
    async push() {
      await run('create', 'chart');
      await run('package', 'chart', '--version', '0.1.0');
      await run('registry', 'login', '--plain-http', '-u', 'admin', '-p', PASSWORD, host);
      await run('push', '--plain-http', 'chart-0.1.0.tgz', at);
    },
    async pull() {
      await run('pull', '--plain-http', '--version', '0.1.0', '-d', 'pulled', '--untar', `${at}/chart`);
      expect(await run('show', 'chart', '--plain-http', '--version', '^0.1', `${at}/chart`)).toContain('name: chart');
    },
    async sign() {
      for (const kind of ['--export', '--export-secret-keys'])
        await home.run('gpg', '--batch', '--yes', '--output', `helm${kind}.gpg`, kind, gpg.name);
      const key = ['--sign', '--key', gpg.name, '--keyring', 'helm--export-secret-keys.gpg'];
      await run('package', 'chart', '--version', '0.2.0+signed', ...key);
      await run('push', '--plain-http', 'chart-0.2.0+signed.tgz', at);
    },
    async verify() {
      const signed = ['--version', '0.2.0+signed', '--verify', '--keyring', 'helm--export.gpg'];
      await run('pull', '--plain-http', ...signed, '-d', 'pulled', `${at}/chart`);
    },
  };
}
