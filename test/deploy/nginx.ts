import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const TEMPLATE = join(import.meta.dirname, '../../deploy/chart/nginx.conf.template');

/** What the template's variables are set to. */
export interface ProxySettings {
  readonly listen: string;
  readonly api: string;
  readonly registry: string;
  /** Folder of the blobs, with a slash at its end. */
  readonly blobs: string;
}

/** Runs nginx with the configuration that is shipped, filled in as its image does. */
export async function startNginx(
  program: string,
  folder: string,
  settings: ProxySettings,
): Promise<{ stop(): Promise<void>; log(): Promise<string> }> {
  await mkdir(join(folder, 'temp'), { recursive: true });
  const template = await readFile(TEMPLATE, 'utf8');
  const rendered = template.replaceAll(/\$\{HALLMARK_(\w+)\}/g, (_all, name: string) => {
    const value = settings[name.toLowerCase() as keyof ProxySettings];
    if (value === undefined) throw new Error(`the template has another variable: HALLMARK_${name}`);
    return value;
  });
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, 'temp', name)};`,
  );
  const main = join(folder, 'nginx.conf');
  await writeFile(
    main,
    `daemon off; worker_processes 1; pid ${join(folder, 'nginx.pid')}; error_log ${join(folder, 'error.log')} info;
     events {} http { access_log off; ${temp.join(' ')} default_type application/octet-stream;
     ${rendered} }`,
  );
  const child = spawn(program, ['-c', main, '-p', folder, '-e', join(folder, 'error.log')], { stdio: 'ignore' });
  const log = () => readFile(join(folder, 'error.log'), 'utf8').catch(() => '');
  for (let tries = 0; ; tries += 1) {
    const answer = await fetch(`http://${settings.listen}/metrics`).catch(() => undefined);
    if (answer) break;
    if (tries > 100 || child.exitCode !== null) throw new Error(`nginx did not start:\n${await log()}`);
    await sleep(50);
  }
  return {
    log,
    async stop() {
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await ended;
    },
  };
}
