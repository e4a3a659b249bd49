import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { S3Settings } from './s3-store.js';

/** Why a test may be skipped. */
export const NEEDS_VERSITYGW = 'needs versitygw: scripts/install-clients.sh versitygw';

/** A running S3 gateway for tests. */
export interface Gateway {
  readonly settings: S3Settings;
  stop(): Promise<void>;
}

/** Starts an S3 gateway over a fresh folder; undefined when the program is missing and may be. */
export async function startVersitygw(): Promise<Gateway | undefined> {
  const program = resolve(process.env['HALLMARK_CLIENTS'] ?? '.clients', 'versitygw');
  if (!existsSync(program)) {
    if (process.env['HALLMARK_REQUIRE_CLIENTS'] === '1') throw new Error(NEEDS_VERSITYGW);
    return undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), 'hallmark-s3-'));
  await mkdir(join(folder, 'data', 'blobs'), { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  const gateway = spawn(program, ['--quiet', '--port', address, 'posix', join(folder, 'data')], {
    env: { ROOT_ACCESS_KEY: 'test', ROOT_SECRET_KEY: 'testsecret' },
    stdio: 'ignore',
  });
  const ended = new Promise((end) => gateway.once('exit', end));
  await answers(`http://${address}`);
  return {
    settings: {
      s3Bucket: 'blobs',
      s3Endpoint: `http://${address}`,
      s3Region: 'us-east-1',
      s3AccessKeyId: 'test',
      s3SecretAccessKey: 'testsecret',
      s3Prefix: 'a prefix',
      s3Checksums: 'when_supported',
      s3Redirect: true,
    },
    stop: async () => {
      gateway.kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

async function answers(url: string): Promise<void> {
  for (let attempt = 0; ; attempt++)
    try {
      await fetch(url);
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((later) => setTimeout(later, 50));
    }
}
