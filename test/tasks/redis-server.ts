import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../free-port.js';

/** A Redis that belongs to one test file. */
export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts Debian's redis-server, on a free port when none is given; nothing when it is not installed. */
export async function startRedis(onPort?: number): Promise<RedisServer | undefined> {
  const port = onPort ?? (await freePort());
  const folder = await mkdtemp(join(tmpdir(), 'hallmark-redis-'));
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', options, { stdio: 'ignore' });
  const started = await new Promise<boolean>((done) =>
    child.on('spawn', () => done(true)).on('error', () => done(false)),
  );
  if (!started) return undefined;
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  await client.ping();
  client.disconnect();
  return {
    url,
    async stop() {
      const gone = new Promise((done) => child.on('exit', done));
      child.kill('SIGKILL');
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
