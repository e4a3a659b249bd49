import { createHash, randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, PASSWORD } from '../main-path/standalone-process.js';
import { type GpgKey, openWorkshop, SCRIPT, type Workshop } from '../main-path/workshop.js';
import { findClient } from '../../scripts/clients.mjs';
import { needing } from '../real-clients.js';
import { writeLayout } from '../registry/client-tools.js';
import { type Layout, startLayout } from './layout.js';
import { runTool } from './run-tool.js';

const clients = needing('nginx', 'redis-server', 'skopeo', 'gpg', 'promtool');
const AUTHORIZATION = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;
const NAME = 'demo/app';

describe.skipIf(clients.skip)(`the production layout${clients.note}`, () => {
  let layout: Layout;
  let workshop: Workshop;
  let [ours, other]: (GpgKey | undefined)[] = [];
  let stall: string;

  beforeAll(async () => {
    workshop = await openWorkshop();
    [ours, other] = [await workshop.makeKey('ours'), await workshop.makeKey('other')];
    stall = join(workshop.folder, 'stall');
    layout = await startLayout({ GNUPGHOME: workshop.env['GNUPGHOME']! });
  }, 180_000);
  afterAll(async () => {
    await layout?.close();
    await workshop?.close();
  });

  const get = (path: string, headers: Record<string, string> = {}, base = layout.url) =>
    fetch(base + path, { headers: { authorization: AUTHORIZATION, ...headers } });
  const push = async (tag: string) => {
    const folder = join(workshop.folder, `oci-${tag}`);
    await writeLayout(folder, tag, `content of ${tag}`);
    return workshop.skopeo([
      'copy',
      '--dest-tls-verify=false',
      '--dest-creds',
      `admin:${PASSWORD}`,
      `oci:${folder}:${tag}`,
      `docker://${layout.host}/${NAME}:${tag}`,
    ]);
  };
  const pull = async (tag: string, key: GpgKey) =>
    workshop.skopeo([
      '--policy',
      await workshop.policy(layout.host, key.publicKey),
      'copy',
      '--src-tls-verify=false',
      '--src-creds',
      `admin:${PASSWORD}`,
      `docker://${layout.host}/${NAME}:${tag}`,
      `dir:${join(workshop.folder, `pulled-${tag}-${key.fingerprint.slice(-4)}`)}`,
    ]);
  const repository = async (): Promise<string> => {
    const { body } = await layout.call('GET', `repositories/container/container-push/?name=${NAME}`);
    return (body['results'] as unknown as Json[])[0]!['pulp_href'] as string;
  };

  it('starts in any order: API, registry and both workers are in the status, on one database', async () => {
    const { status, body } = await layout.call('GET', 'status/');
    expect(status).toBe(200);
    expect(body['online_workers']).toHaveLength(2);
    expect(body['online_api_apps']).toHaveLength(1);
    expect(body['online_content_apps']).toHaveLength(1);
    expect(body['database_connection']).toEqual({ connected: true });
    expect(body['redis_connection']).toEqual({ connected: true });
  });

  it('takes a push through the proxy', async () => {
    expect(await push('1.0')).toMatchObject({ code: 0 });
    const { body } = await layout.call('GET', `${await repository()}versions/`);
    expect(body['count']).toBe(2);
  });

  it('signs in a worker, and clients pull with a policy that accepts our key and no other', async () => {
    const text = SCRIPT.replace('\n\n', `\n[ -e ${stall} ] && sleep 120\n`);
    const script = await workshop.script('sign.sh', text);
    await layout.hallmark(['add-signing-service', 'release', script, ours!.fingerprint], {
      GNUPGHOME: workshop.env['GNUPGHOME']!,
    });
    const { body: services } = await layout.call('GET', 'signing-services/?name=release');
    const service = (services['results'] as unknown as Json[])[0]!['pulp_href'] as string;
    const answer = await layout.call('POST', `${await repository()}sign/`, { manifest_signing_service: service });
    expect(answer.status).toBe(202);
    const task = await layout.ended(answer.body['task'] as string);
    expect(task).toMatchObject({ state: 'completed', result: { signed: 1 } });
    const [row] = await layout.rows<{ worker: string }>('select worker from task where name like $1', ['%sign%']);
    expect(layout.workers.map(({ pid }) => String(pid))).toContain(row!.worker.split('@')[0]);
    expect(await pull('1.0', ours!)).toMatchObject({ code: 0 });
    const refused = await pull('1.0', other!);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/invalid signature|signature/i);
  });

  describe('blobs', () => {
    const size = 300_000;
    const content = randomBytes(size);
    const hex = createHash('sha256').update(content).digest('hex');
    const digest = `sha256:${hex}`;
    const path = `/v2/${NAME}/blobs/${digest}`;
    beforeAll(async () => {
      const pushed = await fetch(`${layout.url}/v2/${NAME}/blobs/uploads/?digest=${digest}`, {
        method: 'POST',
        headers: { authorization: AUTHORIZATION, 'content-type': 'application/octet-stream' },
        body: content,
      });
      expect(pushed.status).toBe(201);
    });

    it('are sent by nginx, with the digest and the ETag of the registry', async () => {
      const inside = await get(path, { 'x-accel-offload': '1' }, layout.registry.url);
      expect(inside.headers.get('x-accel-redirect')).toBe(`/_blobs/sha256/${hex.slice(0, 2)}/${hex}`);
      const answer = await get(path);
      expect(answer.status).toBe(200);
      expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
      expect(answer.headers.get('content-length')).toBe(String(size));
      expect(answer.headers.get('docker-content-digest')).toBe(digest);
      expect(answer.headers.get('etag')).toBe(`"${digest}"`);
      expect(answer.headers.get('content-type')).toBe('application/octet-stream');
      expect(answer.headers.get('accept-ranges')).toBe('bytes');
      expect(answer.headers.get('x-accel-redirect')).toBeNull();
    });

    it('that are small are sent by the registry, through nginx as well', async () => {
      const [row] = await layout.rows<{ digest: string }>('select digest from blob order by size limit 1');
      const small = await get(`/v2/${NAME}/blobs/${row!.digest}`, { 'x-accel-offload': '1' }, layout.registry.url);
      expect([small.status, small.headers.get('x-accel-redirect')]).toEqual([200, null]);
      const bytes = Buffer.from(await (await get(`/v2/${NAME}/blobs/${row!.digest}`)).arrayBuffer());
      expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(row!.digest);
    });

    it('come in parts, and not at all when the client has them', async () => {
      const part = await get(path, { range: 'bytes=1-4' });
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 1-4/${size}`]);
      expect((await part.arrayBuffer()).byteLength).toBe(4);
      const beyond = await get(path, { range: `bytes=${size}-` });
      expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${size}`]);
      expect(await beyond.json()).toMatchObject({ errors: [{ code: 'RANGE_INVALID' }] });
      expect((await get(path, { 'if-none-match': `"${digest}"` })).status).toBe(304);
      const changed = await get(path, { range: 'bytes=1-4', 'if-range': '"sha256:0"' });
      expect(changed.status).toBe(200);
      await changed.arrayBuffer();
    });

    it('have no way around the registry', async () => {
      const direct = await get(`/_blobs/sha256/${hex.slice(0, 2)}/${hex}`);
      expect(direct.status).toBe(404);
      const stranger = { authorization: `Basic ${Buffer.from('admin:wrong').toString('base64')}` };
      expect((await fetch(layout.url + path, { headers: stranger })).status).toBe(401);
      // Where no proxy of ours asks for it the registry sends the bytes itself.
      const bytes = await (await get(path, {}, layout.registry.url)).arrayBuffer();
      expect(bytes.byteLength).toBe(size);
    });
  });

  it('keeps the numbers inside, where every process shows its own', async () => {
    expect((await get('/metrics')).status).toBe(404);
    let shown = '';
    for (const app of [layout.api, layout.registry, ...layout.workers]) {
      const answer = await fetch(`${app.url}/metrics`);
      const text = await answer.text();
      expect(answer.status, app.name).toBe(200);
      for (const name of ['hallmark_tasks{state="waiting"} 0', 'hallmark_queue_jobs 0', 'nodejs_eventloop_lag_seconds'])
        expect(text, app.name).toContain(name);
      // One line for a route, whatever repositories there are.
      expect(text).not.toContain('demo');
      const file = join(workshop.folder, 'metrics');
      await writeFile(file, text);
      const lint = await runTool('/bin/sh', ['-c', `'${findClient('promtool')}' check metrics < '${file}'`]);
      expect(lint, app.name).toEqual({ code: 0, output: '' });
      shown += text;
    }
    expect(shown).toContain('route="/v2/:name/blobs/:digest"');
    expect(shown).toMatch(/^hallmark_fast_path_requests_total\{outcome="passed"\} \d+$/m);
    const described = (await readFile('docs/metrics.md', 'utf8')).match(/\bhallmark_\w+/g)!;
    for (const name of described) expect(shown).toMatch(new RegExp(`^# TYPE ${name.replace(/_count$/, '')} `, 'm'));
    for (const [, name] of shown.matchAll(/^# TYPE (hallmark_\w+) /gm)) expect(described).toContain(name);
  });

  it('loses no task with a worker: the other one finishes it within half a minute', async () => {
    expect(await push('2.0')).toMatchObject({ code: 0 });
    await writeFile(stall, '');
    const { body: services } = await layout.call('GET', 'signing-services/?name=release');
    const service = (services['results'] as unknown as Json[])[0]!['pulp_href'] as string;
    const answer = await layout.call('POST', `${await repository()}sign/`, { manifest_signing_service: service });
    const href = answer.body['task'] as string;
    const id = href.split('/').at(-2)!;
    const victim = await workerOf(id);
    await rm(stall);
    const killed = performance.now();
    expect(await victim.end('SIGKILL')).toBe('SIGKILL');
    const task = await layout.ended(href, 30_000);
    const seconds = (performance.now() - killed) / 1000;
    process.stdout.write(`a task whose worker was killed was finished by the other after ${seconds.toFixed(1)} s\n`);
    expect(task).toMatchObject({ state: 'completed', result: { signed: 1, skipped: 1 } });
    const [row] = await layout.rows<{ worker: string; attempts: number }>(
      'select worker, attempts from task where id = $1',
      [id],
    );
    expect(row!.attempts).toBe(2);
    expect(row!.worker.split('@')[0]).not.toBe(String(victim.pid));
    expect(await pull('2.0', ours!)).toMatchObject({ code: 0 });
  }, 90_000);

  it('stops gently on SIGTERM: every process ends by itself with 0', async () => {
    const living = [layout.registry, layout.api, ...layout.workers].filter((app) => isAlive(app.pid));
    expect(living.length).toBe(3);
    for (const app of living) expect(await app.end('SIGTERM'), `${app.name}\n${app.output().slice(-2000)}`).toBe(0);
    expect((await get('/v2/')).status).toBe(502);
  }, 60_000);

  async function workerOf(task: string) {
    for (let tries = 0; tries < 200; tries += 1, await sleep(50)) {
      const [row] = await layout.rows<{ worker: string | null }>(
        `select worker from task where id = $1 and state = 'running'`,
        [task],
      );
      const found = layout.workers.find(({ pid }) => row?.worker?.startsWith(`${pid}@`));
      if (found) return found;
    }
    throw new Error('no worker took the task');
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
