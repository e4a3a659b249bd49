import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ProxySettings, writeNginxConfiguration } from './nginx-configuration.js';

/** Runs nginx with the configuration that is shipped, filled in as its image does. */
export async function startNginx(
  program: string,
  folder: string,
  settings: ProxySettings,
): Promise<{ stop(): Promise<void>; log(): Promise<string> }> {
  const { args, errors } = await writeNginxConfiguration(folder, settings);
  const child = spawn(program, args, { stdio: 'ignore' });
  const log = () => readFile(errors, 'utf8').catch(() => '');
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
