import { join } from 'node:path';
import { expect } from 'vitest';
import type { Bench, Cases } from './client-bench.js';
import { cosignCases, helmCases, notationCases, orasCases, regctlCases } from './client-cases-artifacts.js';
import { curlCases } from './client-cases-curl.js';
import { ownStorage } from './client-tools.js';

/** Every client of the table. */
export function clientCases(bench: Bench): Record<string, { program: string; cases: Cases }> {
  const containers = (program: string) => ({ program, cases: containerCases(bench, program) });
  return {
    'podman 4': containers('podman'),
    'podman 5': containers('podman5'),
    buildah: containers('buildah'),
    skopeo: { program: 'skopeo', cases: skopeoCases(bench) },
    crane: { program: 'crane', cases: craneCases(bench) },
    regctl: { program: 'regctl', cases: regctlCases(bench) },
    oras: { program: 'oras', cases: orasCases(bench) },
    'notation 1.0': { program: 'notation-1.0.0', cases: notationCases(bench, 'notation-1.0.0') },
    'notation 1.3': { program: 'notation', cases: notationCases(bench, 'notation') },
    'cosign 2': { program: 'cosignv2', cases: cosignCases(bench, 'cosignv2') },
    'cosign 3': { program: 'cosignv3', cases: cosignCases(bench, 'cosignv3') },
    helm: { program: 'helm', cases: helmCases(bench) },
    'curl, in chunks as docker does': { program: 'curl', cases: curlCases(bench, 'chunks') },
    'curl, in one PUT as containerd does': { program: 'curl', cases: curlCases(bench, 'put') },
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
    'list tags': async () => expect(await run('ls', at)).toBe('v1\n'),
    mount: async () => void (await run('copy', `${at}:v1`, `${at}-mounted:v1`)),
    async copy() {
      await run('copy', `${at}:v1`, `${at}-copy:v2`);
      expect((await run('digest', `${at}-copy:v2`)).trim()).toBe(digest);
    },
    delete: async () => void (await run('delete', `${at}@${digest}`)),
  };
}
