import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NginxConfiguration, type ProxySettings, writeNginxConfiguration } from './nginx-configuration.js';

/** An nginx that listens. */
export interface Nginx {
  stop(): Promise<void>;
  log(): Promise<string>;
}

/** Runs nginx with the configuration that is shipped, filled in as its image does. */
export async function startNginx(program: string, folder: string, settings: ProxySettings): Promise<Nginx> {
  return runNginx(program, await writeNginxConfiguration(folder, settings), settings.listen);
}

/** Runs nginx and waits until it listens at `host:port`. */
export async function runNginx(program: string, configuration: NginxConfiguration, listen: string): Promise<Nginx> {
  const { args, errors } = configuration;
  const child = spawn(program, args, { stdio: 'ignore' });
  const log = () => readFile(errors, 'utf8').catch(() => '');
  for (let tries = 0; !(await listens(listen)); tries += 1) {
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

function listens(listen: string): Promise<boolean> {
  const [host, port] = listen.split(':') as [string, string];
  return new Promise((done) => {
    const socket = connect(Number(port), host, () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}
