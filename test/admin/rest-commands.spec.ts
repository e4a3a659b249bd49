import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SigningGround } from '../signing/ground.js';
import { hallmark } from './run.js';

const API = '/pulp/api/v3';
const REPOSITORY = `${API}/repositories/container/container-push/0190/`;
const TASK = `${API}/tasks/0191/`;
const ground = new SigningGround();

interface Call {
  readonly line: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

type Answer = { readonly status?: number; readonly json?: unknown; readonly bytes?: Buffer };

/** A server that answers what the test lays out, so that each command's calls and its reading of answers can be seen. */
let server: Server;
let answers: Record<string, Answer | Answer[]>;
let calls: Call[];

beforeAll(async () => {
  server = createServer(
    (request, response) =>
      void respond(request).then(({ status = 200, json, bytes }) => {
        response.writeHead(status, bytes ? { 'Content-Length': bytes.length } : { 'Content-Type': 'application/json' });
        response.end(bytes ?? JSON.stringify(json));
      }),
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(() => {
  server.close();
  ground.close();
});
beforeEach(() => {
  calls = [];
  answers = {
    [`GET ${API}/repositories/?name=app`]: { json: { results: [{ pulp_href: REPOSITORY }] } },
    [`GET ${API}/signing-services/?name=key`]: { json: { results: [{ pulp_href: '/service/' }] } },
    [`GET ${REPOSITORY}`]: { json: { latest_version_href: `${REPOSITORY}versions/7/` } },
    [`POST ${REPOSITORY}sign/`]: { status: 202, json: { task: TASK } },
    [`POST ${REPOSITORY}import/`]: { status: 202, json: { task: TASK } },
    [`POST ${REPOSITORY}sync/`]: { status: 202, json: { task: TASK } },
  };
});

async function respond(request: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const line = `${request.method} ${request.url}`;
  calls.push({ line, authorization: request.headers.authorization, body: Buffer.concat(chunks).toString() });
  const answer = answers[line];
  return (
    (Array.isArray(answer) ? (answer.length > 1 ? answer.shift() : answer[0]) : answer) ?? {
      status: 404,
      json: { detail: 'Not found.' },
    }
  );
}

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const run = (...argv: string[]) =>
  hallmark({ HALLMARK_PUBLIC_URL: url(), HALLMARK_USER: 'ann', HALLMARK_PASSWORD: 'secret' }, ...argv);

const task = (state: string, more: object = {}) => ({
  json: { pulp_href: TASK, state, name: 'pulp_container.app.tasks.sign.sign', ...more },
});

describe('sign', () => {
  it('finds repository and service by name, waits for the task and tells the counts', async () => {
    const result = { signed: 3, skipped: 1, failed: [] };
    answers[`GET ${TASK}`] = [task('running'), task('completed', { result, created_resources: ['/v/8/'] })];
    const ran = await run('sign', 'app', '--service', 'key', '--tag', 'a', '--tag', 'b', '--force');
    expect(ran).toEqual({ code: 0, out: '3 signed, 1 had a valid signature already.\nMade /v/8/', notes: '' });
    const post = calls.find(({ line }) => line.startsWith('POST'))!;
    expect(JSON.parse(post.body)).toEqual({
      manifest_signing_service: '/service/',
      tags_list: ['a', 'b'],
      force: true,
    });
    expect(post.authorization).toBe(`Basic ${Buffer.from('ann:secret').toString('base64')}`);
  });

  it('ends with 1 and the reason when the task fails', async () => {
    answers[`GET ${TASK}`] = task('failed', { error: { description: '1 of 4 signatures failed' } });
    const ran = await run('sign', 'app');
    expect(ran).toMatchObject({ code: 1, out: '', notes: 'hallmark: the task failed: 1 of 4 signatures failed' });
  });

  it('tells what the server refused, a name that is not there, and a missing password', async () => {
    answers[`POST ${REPOSITORY}sign/`] = { status: 400, json: { tags_list: ['no such tag'] } };
    expect((await run('sign', 'app')).notes).toBe('hallmark: The server refused (400): tags_list: no such tag');
    answers[`GET ${API}/repositories/?name=nil`] = { json: { results: [] } };
    expect(await run('sign', 'nil')).toMatchObject({ code: 1, notes: "hallmark: There is no repository named 'nil'." });
    answers[`GET ${API}/repositories/?name=app`] = { status: 401, json: { detail: 'Invalid username/password.' } };
    expect((await run('sign', 'app')).notes).toBe('hallmark: The server refused (401): Invalid username/password.');
    const nobody = await hallmark({ HALLMARK_PUBLIC_URL: url() }, 'sign', 'app');
    expect(nobody.notes).toContain('set HALLMARK_USER and HALLMARK_PASSWORD');
    answers[`GET ${API}/repositories/?name=app`] = { bytes: Buffer.from('<html>') };
    expect((await run('sign', 'app')).notes).toContain('does not answer as Hallmark does');
    expect((await run('sign', 'app', '--url', 'http://127.0.0.1:1')).notes).toContain('Is the server running?');
  });
});

describe('verify', () => {
  it('hands the files over and ends with 0 only when a signature is verified', async () => {
    const key = ground.write('key.asc', '-----BEGIN PGP PUBLIC KEY BLOCK-----');
    const policy = ground.write('policy.json', '{"default": []}');
    answers[`POST ${API}/verify/`] = {
      json: { verified: true, signatures: [{ format: 'simple', outcome: 'verified', checks: [] }] },
    };
    const words = ['verify', 'host/app:1', '--openpgp-key', key, '--containers-policy', policy];
    expect(await run(...words)).toEqual({ code: 0, out: '✓ simple: verified\nVerified.', notes: '' });
    expect(JSON.parse(calls[0]!.body)).toEqual({
      reference: 'host/app:1',
      trust: { openpgp_keys: ['-----BEGIN PGP PUBLIC KEY BLOCK-----'], containers_policy: { default: [] } },
    });
    const check = { name: 'key', code: 'UNKNOWN_KEY', detail: 'not trusted', result: 'fail', action: 'enforce' };
    answers[`POST ${API}/verify/`] = {
      json: { verified: false, signatures: [{ format: 'simple', outcome: 'untrusted', checks: [check] }] },
    };
    expect(await run(...words)).toMatchObject({
      code: 1,
      out: '✗ simple: untrusted\n    key UNKNOWN_KEY: not trusted\nNot verified.',
    });
    answers[`POST ${API}/verify/`] = { json: { verified: false, signatures: [] } };
    expect(await run(...words)).toMatchObject({ code: 1, out: 'There is no signature.\nNot verified.' });
    expect(JSON.parse((await run(...words, '--json')).out)).toMatchObject({ verified: false });
    expect((await run('verify', 'host/app:1')).code).toBe(2);
    expect((await run('verify', 'host/app:1', '--cosign-key', '/nowhere')).code).toBe(2);
  });
});

describe('export and import', () => {
  it('export writes the tar whole, of the newest or a named version', async () => {
    const bytes = Buffer.alloc(300_000, 'x');
    answers[`GET ${REPOSITORY}versions/7/oci-layout.tar?signatures=true&tags=a%2Cb`] = { bytes };
    answers[`GET ${REPOSITORY}versions/2/oci-layout.tar?signatures=false`] = { bytes: Buffer.from('old') };
    const file = ground.path('out.tar');
    const ran = await run('export', 'app', file, '--tag', 'a', '--tag', 'b');
    expect(ran).toMatchObject({ code: 0, out: `Wrote 300000 bytes to ${file}.` });
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect((await run('export', 'app', file, '--version', '2', '--no-signatures')).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect((await run('export', 'app', file, '--version', '9')).code).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe('old');
  });

  it('import sends the file with its length and follows the task', async () => {
    writeFileSync(ground.path('in.tar'), 'tar bytes');
    answers[`GET ${TASK}`] = task('completed', {
      result: { tags: 2, images: 3, version: 7, signatures: 4, refused: [] },
    });
    expect(await run('import', 'app', ground.path('in.tar'))).toMatchObject({
      code: 0,
      out: 'Imported: 2 tags, 3 images, 4 signatures.',
    });
    expect(calls.find(({ line }) => line.startsWith('POST'))!.body).toBe('tar bytes');
    expect((await run('import', 'app', '/nowhere.tar')).code).toBe(2);
  });

  it('import into a name that is not there makes the repository, and a distribution at its path', async () => {
    writeFileSync(ground.path('in.tar'), 'tar bytes');
    answers[`GET ${API}/repositories/?name=new%2Fapp`] = { json: { count: 0, results: [] } };
    answers[`POST ${API}/repositories/container/container/`] = { status: 201, json: { pulp_href: REPOSITORY } };
    answers[`POST ${API}/distributions/container/container/`] = { status: 202, json: { task: TASK } };
    answers[`GET ${TASK}`] = [task('completed'), task('completed', { result: { tags: 1 } })];
    expect(await run('import', 'new/app', ground.path('in.tar'))).toMatchObject({ code: 0, out: 'Imported: 1 tags.' });
    const bodies = calls.filter(({ line }) => line.startsWith('POST')).map(({ body }) => body);
    expect(bodies.slice(0, 2).map((body) => JSON.parse(body) as unknown)).toEqual([
      { name: 'new/app' },
      { name: 'new/app', base_path: 'new/app', repository: REPOSITORY },
    ]);
    answers[`GET ${TASK}`] = task('failed', { error: { description: 'the path is taken' } });
    expect(await run('import', 'new/app', ground.path('in.tar'))).toMatchObject({ code: 1 });
  });
});

it('sync names the remote, waits and tells what came', async () => {
  answers[`GET ${API}/remotes/?name=hub`] = { json: { results: [{ pulp_href: '/remote/' }] } };
  const signatures = { extension: 2, lookaside: 0, companion_tags: 1 };
  const result = { tags: 3, changed: true, skippedCount: 4, signatures, refusedSignatures: ['sha256:1 is cut off'] };
  answers[`GET ${TASK}`] = task('completed', { result });
  expect(await run('sync', 'app', '--remote', 'hub', '--mirror')).toMatchObject({
    code: 0,
    out: [
      'Took 3 tags; signatures: 2 by extension, 1 by companion tags.',
      'Left out 4 tags, which are not signed.',
      'A signature did not come: sha256:1 is cut off',
    ].join('\n'),
  });
  expect(JSON.parse(calls.find(({ line }) => line.startsWith('POST'))!.body)).toEqual({
    remote: '/remote/',
    mirror: true,
  });
  answers[`GET ${TASK}`] = task('completed', { result: { tags: 3, changed: false, signatures: { extension: 0 } } });
  expect((await run('sync', 'app')).out).toBe('Took 3 tags; signatures: none. Nothing new.');
});

describe('tasks', () => {
  it('lists, shows, follows and cancels', async () => {
    const row = {
      pulp_href: TASK,
      pulp_created: '2026-01-02T03:04:05.678Z',
      state: 'completed',
      name: 'pulp_container.app.tasks.sign.sign',
    };
    answers[`GET ${API}/tasks/?limit=20&ordering=-pulp_created`] = { json: { results: [row] } };
    expect((await run('tasks')).out).toBe('2026-01-02T03:04:05  completed  sign.sign  0191');
    answers[`GET ${TASK}`] = task('failed', { error: { description: 'out of reach' } });
    expect(await run('tasks', 'show', '0191')).toMatchObject({ code: 1, out: expect.stringContaining('out of reach') });
    expect((await run('tasks', 'follow', TASK)).code).toBe(1);
    answers[`GET ${TASK}`] = task('completed', { result: { lost: ['sha256:2a9a'] }, logging_cid: 'c1d' });
    const { out } = await run('tasks', 'show', '0191');
    expect(out).toMatch(/logging_cid +c1d\n[^]*"sha256:2a9a"/);
    answers[`PATCH ${TASK}`] = task('canceled');
    expect((await run('tasks', 'cancel', '0191')).out).toBe('The task is canceled.');
    expect((await run('tasks', 'paint', '0191')).code).toBe(2);
    expect((await run('tasks', 'show')).code).toBe(2);
    expect((await run('tasks', 'list', '0191')).notes).toContain("'0191' is one word too many.");
    for (const other of [`${API}/users/1/`, '../users/1', '0191?fields=name', ''])
      expect(await run('tasks', 'follow', other)).toMatchObject({
        code: 2,
        notes: expect.stringContaining(`'${other}' is not the id or href of a task.`),
      });
    expect((await run('tasks', '--limit', 'x')).code).toBe(2);
  });
});
