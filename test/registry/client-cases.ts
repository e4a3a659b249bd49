import { join } from 'node:path';
import { expect } from 'vitest';
import type { Bench, Cases, Client } from './client-bench.js';
import { cosignCases, helmCases, notationCases, orasCases, regctlCases } from './client-cases-artifacts.js';
import { ctrCases, dockerCases } from './client-cases-daemons.js';
import { curlCases } from './client-cases-curl.js';
import { ownStorage } from './client-tools.js';
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
    helm: { programs: ['helm'], cases: helmCases(bench) },
    'curl, in chunks as docker does': { programs: ['curl'], cases: curlCases(bench, 'chunks') },
    'curl, in one PUT as containerd does': { programs: ['curl'], cases: curlCases(bench, 'put') },
  };
}

function containerCases({ home, host, layout, gpg }: Bench, program: string): Cases {
  const at = `${host}/clients/${program}`;
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

function skopeoCases({ home, host, layout, gpg }: Bench): Cases {
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
    copy: async () => void (await run('copy', '--all', from, to, `${at}:v1`, `${at}-copy:v1`)),
    sign: async () => void (await run('copy', from, to, '--sign-by', gpg.name, `${at}:v1`, `${at}:signed`)),
    async verify() {
      const back = `dir:${join(home.folder, 'skopeo-verified')}`;
      await run('--policy', gpg.policy, 'copy', from, `${at}:signed`, back);
    },
    delete: async () => void (await run('delete', '--tls-verify=false', `${at}:v1`)),
  };
}

function craneCases({ home, host, layout, digest }: Bench): Cases {
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
    async copy() {
      await run('copy', `${at}:v1`, `${at}-copy:v2`);
      expect((await run('digest', `${at}-copy:v2`)).trim()).toBe(digest);
    },
    delete: async () => void (await run('delete', `${at}@${digest}`)),
  };
}
