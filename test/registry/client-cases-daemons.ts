import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Bench, Cases } from './client-bench.js';
import { tarOf } from './client-tools.js';
import { socketOf } from './container-daemons.js';
import { PASSWORD } from './registry-process.js';

/** What docker does with a daemon behind it. */
export function dockerCases({ home, host }: Bench): Cases {
  const at = `${host}/clients/docker`;
  const run = (...args: string[]) => home.run('docker', '--host', `unix://${socketOf(home, 'dockerd')}`, ...args);
  return {
    async push() {
      const tar = join(home.folder, 'rootfs.tar');
      await writeFile(tar, await tarOf('hello.txt', 'hello from docker'));
      await run('import', tar, `${at}:v1`);
      expect(await run('push', `${at}:v1`)).toContain('digest: sha256:');
    },
    async pull() {
      await run('rmi', '--force', `${at}:v1`);
      expect(await run('pull', `${at}:v1`)).toContain('Downloaded newer image');
    },
    async mount() {
      await run('tag', `${at}:v1`, `${at}-mounted:v1`);
      expect(await run('push', `${at}-mounted:v1`)).toContain('Mounted from clients/docker');
    },
    async retag() {
      await run('tag', `${at}:v1`, `${at}-all:one`);
      await run('tag', `${at}:v1`, `${at}-all:two`);
      await run('push', '--all-tags', `${at}-all`);
    },
    async 'multi-arch'() {
      await run('manifest', 'create', '--insecure', `${at}:list`, `${at}:v1`);
      expect(await run('manifest', 'push', '--insecure', `${at}:list`)).toContain('sha256:');
      await run('pull', `${at}:list`);
    },
  };
}

/** What ctr does with containerd behind it. */
export function ctrCases({ home, host, layout, digest, multi }: Bench): Cases {
  const at = `${host}/clients/containerd`;
  const images = (...args: string[]) => home.run('ctr', '-a', socketOf(home, 'containerd'), 'images', ...args);
  const registry = ['--plain-http', '--user', `admin:${PASSWORD}`];
  const load = async (folder: string, name: string) => {
    const tar = join(home.folder, 'layout.tar');
    await home.run('tar', '-C', folder, '-cf', tar, '.');
    await images('import', '--no-unpack', '--all-platforms', '--base-name', name, tar);
  };
  return {
    async push() {
      await load(layout, at);
      await images('push', ...registry, `${at}:v1`);
    },
    async retag() {
      await images('tag', `${at}:v1`, `${at}:again`);
      await images('push', ...registry, `${at}:again`);
    },
    async 'multi-arch'() {
      await load(multi.layout, `${at}-multi`);
      await images('push', ...registry, `${at}-multi:v1`);
      await images('rm', '--sync', `${at}-multi:v1`);
      await images('pull', '--snapshotter', 'native', '--all-platforms', ...registry, `${at}-multi:v1`);
      expect(await images('ls', `name==${at}-multi:v1`)).toContain(multi.digest);
    },
    async pull() {
      await images('rm', '--sync', `${at}:v1`);
      await images('pull', '--snapshotter', 'native', ...registry, `${at}:v1`);
      expect(await images('ls', `name==${at}:v1`)).toContain(digest);
    },
    async mount() {
      await images('tag', `${at}:v1`, `${at}-mounted:v1`);
      await images('push', ...registry, `${at}-mounted:v1`);
    },
  };
}
