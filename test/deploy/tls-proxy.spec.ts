// The lines of docs/install.md for one process behind a proxy with TLS, by the real nginx.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findClient } from '../../scripts/clients.mjs';
import { blocksOf } from '../acceptance/pages.js';
import { sha } from '../acceptance/stage.js';
import { freePort } from '../free-port.js';
import { PASSWORD, startStandalone, type Standalone } from '../main-path/standalone-process.js';
import { needing } from '../real-clients.js';
import { writeMainFile } from './nginx-configuration.js';
import { type Nginx, runNginx } from './nginx.js';
import { runTool } from './run-tool.js';

const clients = needing('nginx', 'openssl', 'curl');

describe.skipIf(clients.skip)(`one process behind a proxy with TLS${clients.note}`, () => {
  let folder: string;
  let host: string;
  let hallmark: Standalone;
  let nginx: Nginx;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hallmark-tls-'));
    host = `127.0.0.1:${await freePort()}`;
    const page = 'docs/install.md';
    const start = (await blocksOf(page, 'sh', 'One process')).find((block) => block.includes('PUBLIC_URL'))!;
    const words = [...start.matchAll(/(HALLMARK_\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]);
    const settings = Object.fromEntries(words) as Record<string, string>;
    expect(Object.keys(settings)).toEqual(['HALLMARK_PUBLIC_URL', 'HALLMARK_TRUSTED_PROXIES']);
    hallmark = await startStandalone({ ...settings, HALLMARK_PUBLIC_URL: `https://${host}` });
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=127.0.0.1'];
    const files = [
      '-keyout',
      join(folder, 'registry.example.com.key'),
      '-out',
      join(folder, 'registry.example.com.pem'),
    ];
    const made = await runTool(findClient('openssl')!, [
      ...request,
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      ...files,
    ]);
    expect(made.code, made.output).toBe(0);
    const [block] = await blocksOf(page, 'nginx');
    const server = block!
      .replace('listen 443', `listen ${host}`)
      .replaceAll('/etc/ssl/', `${folder}/`)
      .replace('http://127.0.0.1:24817', hallmark.url);
    nginx = await runNginx(findClient('nginx')!, await writeMainFile(folder, server), host);
  }, 120_000);
  afterAll(async () => {
    await nginx?.stop();
    await hallmark?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** The status of an answer, and where clients are sent for a token. */
  const curl = async (path: string, ...words: readonly string[]) => {
    const quiet = ['-s', '-o', '/dev/null', '-w', '%{http_code} %header{www-authenticate}'];
    const trusted = ['--cacert', join(folder, 'registry.example.com.pem'), ...words, `https://${host}${path}`];
    return (await runTool(findClient('curl')!, [...quiet, ...trusted])).output.trim();
  };

  it('takes a large blob, and sends clients to the proxy for their token', async () => {
    const bytes = randomBytes(3 << 20);
    await writeFile(join(folder, 'blob'), bytes);
    const body = ['--data-binary', `@${join(folder, 'blob')}`, '-H', 'Content-Type: application/octet-stream'];
    const answer = await curl(`/v2/tls/app/blobs/uploads/?digest=${sha(bytes)}`, '-u', `admin:${PASSWORD}`, ...body);
    expect(answer).toBe('201');
    expect(await curl('/v2/')).toContain(`401 Bearer realm="https://${host}/token/"`);
  });

  it('locks out who guesses passwords, and nobody else', async () => {
    const path = '/pulp/api/v3/users/';
    const guess = () => curl(path, '--interface', '127.0.0.2', '-u', 'admin:guessed');
    for (let tries = 0; tries < 10; tries += 1) expect(await guess()).toMatch(/^401/);
    expect(await guess()).toMatch(/^429/);
    expect(await curl(path, '-u', `admin:${PASSWORD}`)).toBe('200');
  });
});
