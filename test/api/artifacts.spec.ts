import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dropChunkedUpload, purgeChunkedUploads } from '#content/artifacts/receive-file.js';
import { dropForgotten } from '#content/maintenance/drop-forgotten.js';
import { rowsOf } from '#platform/database.js';
import { addUser, PASSWORD, ROOT, startApi, type ApiProcess, type Json } from './api-process.js';
import { storeImage } from './stored-content.js';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('artifacts', () => {
  let api: ApiProcess;

  async function send(
    method: string,
    path: string,
    file: Buffer | undefined,
    members: Record<string, string> = {},
    headers = {},
  ) {
    const form = new FormData();
    if (file) form.append('file', new Blob([new Uint8Array(file)]), 'a file.bin');
    for (const [name, value] of Object.entries(members)) form.append(name, value);
    const authorization = `Basic ${btoa(`admin:${PASSWORD}`)}`;
    const response = await fetch(new URL(path, api.url), {
      method,
      body: form,
      headers: { authorization, ...headers },
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Json };
  }

  beforeAll(async () => {
    api = await startApi();
    await addUser(api.source, 'paula');
  });
  afterAll(() => api.close());

  it('are made from files, once', async () => {
    const bytes = Buffer.concat([Buffer.from('\r\n--not the boundary\r\n'), randomBytes(300_000)]);
    const made = await send('POST', `${ROOT}/artifacts/`, bytes, { sha256: sha256(bytes), size: String(bytes.length) });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ size: bytes.length, sha256: sha256(bytes), md5: null, sha1: null });
    expect(made.body['sha512']).toBe(createHash('sha512').update(bytes).digest('hex'));
    expect(made.body['file']).toBe(`artifact/${sha256(bytes).slice(0, 2)}/${sha256(bytes).slice(2)}`);
    expect((await api.get(made.body['pulp_href']!)).body).toEqual(made.body);
    expect((await api.get(`${ROOT}/artifacts/?sha256=${sha256(bytes)}`)).body['count']).toBe(1);
    const again = await send('POST', `${ROOT}/artifacts/`, bytes);
    expect([again.status, again.body]).toEqual([
      400,
      { non_field_errors: [`Artifact with sha256 checksum of '${sha256(bytes)}' already exists.`] },
    ]);
  });

  it('are made from the first file of the name, whatever else has it', async () => {
    const blob = (bytes: Buffer) => new Blob([new Uint8Array(bytes)]);
    const headers = { authorization: `Basic ${btoa(`admin:${PASSWORD}`)}` };
    for (const order of ['text first', 'text last', 'two files']) {
      const [bytes, form] = [randomBytes(1_000), new FormData()];
      if (order === 'text first') form.append('file', 'text');
      form.append('file', blob(bytes), 'first.bin');
      if (order === 'text last') form.append('file', 'text');
      if (order === 'two files') form.append('file', blob(randomBytes(1_000)), 'second.bin');
      const answer = await fetch(new URL(`${ROOT}/artifacts/`, api.url), { method: 'POST', headers, body: form });
      const made = (await answer.json()) as Json;
      expect([order, answer.status, made['sha256']]).toEqual([order, 201, sha256(bytes)]);
    }
  });

  it('are refused when they are not what was announced', async () => {
    expect((await send('POST', `${ROOT}/artifacts/`, undefined)).body).toEqual({ file: ['This field is required.'] });
    expect((await send('POST', `${ROOT}/artifacts/`, randomBytes(9), { sha256: 'a'.repeat(64) })).status).toBe(400);
    expect((await send('POST', `${ROOT}/artifacts/`, randomBytes(9), { size: '8' })).status).toBe(400);
    expect((await api.request('POST', `${ROOT}/artifacts/`, { file: 'text' })).body).toHaveProperty('file');
    const broken = { 'content-type': 'multipart/form-data; boundary=x' };
    expect((await api.request('POST', `${ROOT}/artifacts/`, '--x\r\nno', { headers: broken })).status).toBe(400);
    expect((await api.get(`${ROOT}/artifacts/`, { as: 'paula' })).status).toBe(403);
  });

  it('are deleted only when the policy allows it and nothing uses them', async () => {
    const made = await send('POST', `${ROOT}/artifacts/`, randomBytes(10));
    expect((await api.request('DELETE', made.body['pulp_href']!)).status).toBe(403);
    const policy = (await api.get(`${ROOT}/access_policies/?viewset_name=artifacts`)).body['results']![0]!;
    const statements = [{ action: '*', principal: 'admin', effect: 'allow' }];
    await api.request('PATCH', policy['pulp_href']!, { statements });
    expect((await api.request('DELETE', made.body['pulp_href']!)).status).toBe(204);
    const { href } = await storeImage(api, 'using');
    const used = (await api.get(`${ROOT}/artifacts/?repository_version=${href}versions/1/`)).body;
    expect(used['count']).toBe(2);
    expect((await api.request('DELETE', used['results']![0]!['pulp_href']!)).status).toBe(409);
  });

  it('come in pieces, in any order', async () => {
    const bytes = randomBytes(250);
    const { body } = await api.request('POST', `${ROOT}/uploads/`, { size: 250 });
    expect(body).toMatchObject({ size: 250, completed: null });
    const href: string = body['pulp_href']!;
    const put = (from: number, to: number, piece = bytes.subarray(from, to + 1), sum = sha256(piece)) =>
      send('PUT', href, piece, { sha256: sum }, { 'content-range': `bytes ${from}-${to}/250` });
    expect((await put(100, 249)).status).toBe(200);
    expect((await put(0, 99, randomBytes(100))).status).toBe(200);
    const early = await api.finished(await api.request('POST', `${href}commit/`, { sha256: sha256(bytes) }));
    expect(early['state']).toBe('failed');
    expect((await put(0, 99)).status).toBe(200);
    expect((await api.get(href)).body['chunks']).toEqual([
      { offset: 0, size: 100 },
      { offset: 100, size: 150 },
    ]);
    expect((await put(0, 99, randomBytes(9))).body).toEqual(['Chunk size does not match content range.']);
    expect((await put(200, 250)).body).toEqual(['End byte is greater than upload size.']);
    expect((await put(0, 99, undefined, 'f'.repeat(64))).body).toEqual(['Checksum does not match chunk upload.']);
    expect((await send('PUT', href, bytes)).body).toEqual(['Invalid or missing content range header.']);
    const task = await api.finished(await api.request('POST', `${href}commit/`, { sha256: sha256(bytes) }));
    expect(task['state']).toBe('completed');
    expect((await api.get(task['created_resources']![0]!)).body).toMatchObject({ size: 250, sha256: sha256(bytes) });
    expect((await api.get(href)).status).toBe(404);
  });

  it('in pieces that nobody goes on with go with what has come of them, and not before', async () => {
    const { body } = await api.request('POST', `${ROOT}/uploads/`, { size: 20 });
    const href: string = body['pulp_href']!;
    const id = href.split('/').at(-2)!;
    await send('PUT', href, randomBytes(10), {}, { 'content-range': 'bytes 0-9/20' });
    const pieces = () => rowsOf(api.source, 'select 1 from staged where repository_id = $1', [id]);
    await api.source.query(`update staged set since = now() - interval '9 days' where repository_id = $1`, [id]);
    await dropForgotten(api.source, 86_400);
    expect([await purgeChunkedUploads(api.source, 86_400), await pieces()]).toMatchObject([0, { length: 1 }]);
    await api.source.query(`update chunked_upload set pulp_last_updated = now() - interval '2 days' where id = $1`, [
      id,
    ]);
    expect([await purgeChunkedUploads(api.source, 86_400), await pieces()]).toMatchObject([1, { length: 0 }]);
    expect((await api.get(href)).status).toBe(404);
    expect(await rowsOf(api.source, 'select 1 from role_assignment where content_object like $1', [`%${id}`])).toEqual(
      [],
    );
  });

  it('in pieces have no place in an upload that goes while one comes in', async () => {
    const href: string = (await api.request('POST', `${ROOT}/uploads/`, { size: 10 })).body['pulp_href']!;
    const id = href.split('/').at(-2)!;
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    const piece = await api.source.transaction(async (tx) => {
      await dropChunkedUpload(tx, id);
      const sent = send('PUT', href, randomBytes(10), {}, { 'content-range': 'bytes 0-9/10' });
      await expect.poll(() => rowsOf(api.source, waiting)).toHaveLength(1);
      return { sent };
    });
    const { status, body } = await piece.sent;
    expect([status, body]).toEqual([404, { detail: 'The upload is gone; begin a new one.' }]);
    expect(await rowsOf(api.source, 'select 1 from staged where repository_id = $1', [id])).toEqual([]);
  });

  it('are not made from uploads with gaps or of other bytes', async () => {
    const bytes = randomBytes(20);
    const { body } = await api.request('POST', `${ROOT}/uploads/`, { size: 20 });
    const href: string = body['pulp_href']!;
    await send('PUT', href, bytes.subarray(0, 10), {}, { 'content-range': 'bytes 0-9/20' });
    const commit = async (sum: string) => api.finished(await api.request('POST', `${href}commit/`, { sha256: sum }));
    expect((await commit(sha256(bytes)))['error']!['description']).toContain('ends at byte 10');
    await send('PUT', href, bytes.subarray(10), {}, { 'content-range': 'bytes 10-19/20' });
    expect((await commit('a'.repeat(64)))['state']).toBe('failed');
    expect((await api.request('DELETE', href)).status).toBe(204);
  });
});
