import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Bench, Cases, Client } from './client-bench.js';
import { cosignCases, helmCases, notationCases, orasCases, regctlCases } from './client-cases-artifacts.js';
import { ctrCases, dockerCases } from './client-cases-daemons.js';
import { curlCases } from './client-cases-curl.js';
import { manifestAt, ownStorage, tarOf } from './client-tools.js';
import { startContainerd, startDockerd } from './container-daemons.js';

/** Every client of the table. */
export function clientCases(bench: Bench): Record<string, Client> {
  const containers = (program: string) => ({ programs: [program, 'gpg'], cases: containerCases(bench, program) });
  const notation = (program: string) => ({ programs: [program, 'oras'], cases: notationCases(bench, program) });
  const cosign = (program: string) => ({ programs: [program, 'oras'], cases: cosignCases(bench, program) });
  return {
    'podman 4': containers('podman'),
    'podman 5': containers('podman5'),
    buildah: containers('buildah'),
    skopeo: { programs: ['skopeo', 'gpg'], cases: skopeoCases(bench) },
    docker: { programs: ['docker', 'dockerd'], daemon: startDockerd, cases: dockerCases(bench) },
    containerd: { programs: ['ctr', 'containerd'], daemon: startContainerd, cases: ctrCases(bench) },
    crane: { programs: ['crane'], cases: craneCases(bench) },
    regctl: { programs: ['regctl'], cases: regctlCases(bench) },
    oras: { programs: ['oras'], cases: orasCases(bench) },
    'notation 1.0': notation('notation-1.0.0'),
    'notation 1.3': notation('notation'),
    'cosign 2': cosign('cosignv2'),
    'cosign 3': cosign('cosignv3'),
    helm: { programs: ['helm', 'gpg'], cases: helmCases(bench) },
    'curl, in chunks as docker does': { programs: ['curl'], cases: curlCases(bench, 'chunks') },
    'curl, in one PUT as containerd does': { programs: ['curl'], cases: curlCases(bench, 'put') },
  };
}

function containerCases({ home, host, layout, multi, rsa, gpg }: Bench, program: string): Cases {
  const name = `clients/${program}`;
  const at = `${host}/${name}`;
  const run = (command: string, ...args: string[]) => home.run(program, ...ownStorage(home), command, ...args);
  const plain = '--tls-verify=false';
  return {
    async push() {
      const id = (await run('pull', '-q', `oci:${layout}:v1`)).trim().split('\n').at(-1)!;
      await run('push', plain, id, `docker://${at}:v1`);
      if (program === 'buildah') {
        const container = (await run('from', 'scratch')).trim();
        await run('commit', '-q', container, 'localhost/made:v1');
        await run('push', plain, 'localhost/made:v1', `docker://${at}:made`);
        await run('rm', '-a');
      }
      await run('rmi', '-af');
    },
    async pull() {
      await run('pull', '-q', plain, `${at}:v1`);
    },
    ...(program === 'buildah'
      ? {}
      : {
          async 'list tags'() {
            expect(await run('search', plain, '--list-tags', at)).toContain('v1');
          },
        }),
    async mount() {
      await run('push', plain, `${at}:v1`, `docker://${at}-mounted:v1`);
    },
    async retag() {
      await run('tag', `${at}:v1`, `${at}:again`);
      await run('push', plain, `${at}:again`, `docker://${at}:again`);
      expect(await manifestAt(host, name, 'again')).toBe(await manifestAt(host, name, 'v1'));
    },
    async 'multi-arch'() {
      await run('manifest', 'create', 'localhost/list');
      await run('manifest', 'add', '--all', 'localhost/list', `oci:${multi.layout}:v1`);
      await run('manifest', 'push', '--all', plain, 'localhost/list', `docker://${at}-multi:v1`);
      await run('manifest', 'rm', 'localhost/list');
      await run('pull', '-q', plain, '--platform', 'linux/arm64', `${at}-multi:v1`);
    },
    ...(program === 'podman5'
      ? {
          async zstd() {
            const zstd = ['--compression-format', 'zstd:chunked', '--force-compression'];
            await run('push', plain, ...zstd, `${at}:v1`, `docker://${at}-zstd:v1`);
            expect(await manifestAt(host, `${name}-zstd`, 'v1')).toContain('.tar+zstd"');
            await run('pull', '-q', plain, `${at}-zstd:v1`);
          },
        }
      : {}),
    // Version 4 encrypts nothing.
    ...(program === 'podman'
      ? {}
      : {
          async encrypt() {
            await run(
              'push',
              plain,
              '--encryption-key',
              `jwe:${rsa.publicKey}`,
              `${at}:v1`,
              `docker://${at}-secret:v1`,
            );
            expect(await manifestAt(host, `${name}-secret`, 'v1')).toContain('+encrypted"');
            await run('rmi', '-af');
            await expect(run('pull', '-q', plain, `${at}-secret:v1`)).rejects.toThrow(/decrypt|private key|DiffID/);
            await run('pull', '-q', plain, '--decryption-key', rsa.privateKey, `${at}-secret:v1`);
            await run('pull', '-q', plain, `${at}:v1`);
          },
        }),
    async sign() {
      await run('push', plain, '--sign-by', gpg.name, `${at}:v1`, `docker://${at}:signed`);
    },
    async verify() {
      await run('rmi', '-af');
      await run('pull', '-q', plain, '--signature-policy', gpg.policy, `${at}:signed`);
      await run('rmi', '-af');
    },
  };
}

function skopeoCases({ home, host, layout, multi, rsa, gpg }: Bench): Cases {
  const at = `docker://${host}/clients/skopeo`;
  const [from, to] = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  const run = (...args: string[]) => home.run('skopeo', ...args);
  return {
    push: async () => void (await run('copy', to, `oci:${layout}:v1`, `${at}:v1`)),
    pull: async () => void (await run('copy', from, `${at}:v1`, `dir:${join(home.folder, 'skopeo-back')}`)),
    async 'list tags'() {
      expect(JSON.parse(await run('list-tags', '--tls-verify=false', at))).toMatchObject({ Tags: ['v1'] });
    },
    mount: async () => void (await run('copy', from, to, `${at}:v1`, `${at}-mounted:v1`)),
    retag: async () => void (await run('copy', from, to, `${at}:v1`, `${at}:again`)),
    async 'multi-arch'() {
      await run('copy', '--all', '--preserve-digests', to, `oci:${multi.layout}:v1`, `${at}-multi:v1`);
      expect(JSON.parse(await run('inspect', '--tls-verify=false', `${at}-multi:v1`))).toMatchObject({
        Digest: multi.digest,
      });
    },
    async encrypt() {
      await run('copy', from, to, '--encryption-key', `jwe:${rsa.publicKey}`, `${at}:v1`, `${at}-secret:v1`);
      const back = `oci:${join(home.folder, 'skopeo-secret')}:v1`;
      await run('copy', from, '--decryption-key', rsa.privateKey, `${at}-secret:v1`, back);
    },
    async copy() {
      await run('copy', '--all', from, to, `${at}:v1`, `${at}-copy:v1`);
      const source = [from, '--src', 'docker', at.slice('docker://'.length)];
      await run('sync', '--all', to, ...source, '--dest', 'docker', `${host}/clients/skopeo-synced`);
    },
    sign: async () => void (await run('copy', from, to, '--sign-by', gpg.name, `${at}:v1`, `${at}:signed`)),
    async verify() {
      const back = `dir:${join(home.folder, 'skopeo-verified')}`;
      await run('--policy', gpg.policy, 'copy', from, `${at}:signed`, back);
    },
    delete: async () => void (await run('delete', '--tls-verify=false', `${at}:v1`)),
  };
}

function craneCases({ home, host, layout, digest, multi }: Bench): Cases {
  const at = `${host}/clients/crane`;
  const run = (...args: string[]) => home.run('crane', '--insecure', ...args);
  return {
    push: async () => void (await run('push', layout, `${at}:v1`)),
    async pull() {
      await run('pull', `${at}:v1`, join(home.folder, 'crane.tar'));
      await run('validate', '--remote', `${at}:v1`);
    },
    async 'list tags'() {
      expect(await run('ls', at)).toBe('v1\n');
      expect(await run('catalog', host)).toContain('clients/crane\n');
    },
    mount: async () => void (await run('copy', `${at}:v1`, `${at}-mounted:v1`)),
    async retag() {
      await run('tag', `${at}:v1`, 'again');
      expect((await run('digest', `${at}:again`)).trim()).toBe(digest);
    },
    async rewrite() {
      const file = join(home.folder, 'crane-more.tar');
      await writeFile(file, await tarOf('more.txt', 'more from crane'));
      await run('append', '-b', `${at}:v1`, '-f', file, '-t', `${at}-made:longer`);
      await run('mutate', `${at}:v1`, '--label', 'changed=yes', '-t', `${at}-made:changed`);
      const bases = ['--old_base', `${at}:v1`, '--new_base', `${at}-made:changed`];
      await run('rebase', `${at}-made:longer`, ...bases, '-t', `${at}-made:rebased`);
      await run('flatten', `${at}-made:rebased`, '-t', `${at}-made:flat`);
      await run('validate', '--remote', `${at}-made:flat`);
    },
    async 'multi-arch'() {
      await run('push', '--index', multi.layout, `${at}-multi:v1`);
      await run('index', 'filter', `${at}-multi:v1`, '--platform', 'linux/arm64', '-t', `${at}-multi:arm`);
      await run('index', 'filter', `${at}-multi:v1`, '--platform', 'plan9/arm', '-t', `${at}-multi:none`);
      await run('validate', '--remote', `${at}-multi:arm`);
    },
    async copy() {
      await run('copy', '--all-tags', at, `${at}-all`);
      await run('copy', `${at}:v1`, `${at}-copy:v2`);
      expect((await run('digest', `${at}-copy:v2`)).trim()).toBe(digest);
    },
    delete: async () => void (await run('delete', `${at}@${digest}`)),
  };
}
