import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, startApi, type ApiProcess } from './api-process.js';
import { storeImage, type StoredImage } from './stored-content.js';

const REPOSITORIES = `${ROOT}/repositories/container/container/`;
const TAGS = `${ROOT}/content/container/tags/`;

describe('hostile input', () => {
  let api: ApiProcess;
  let image: StoredImage;
  beforeAll(async () => {
    api = await startApi();
    image = await storeImage(api, 'victim');
    const name = 'a'.repeat(250);
    await api.source.query(
      `insert into tag (id, name, manifest_id) select gen_random_uuid(), $1 || g, (select id from manifest limit 1)
         from generate_series(1, 20000) g`,
      [name],
    );
    // What takes longer than a second ends with an error that no handler expects.
    await api.source.query(`alter database ${api.database.url.split('/').at(-1)!} set statement_timeout = '5s'`);
  });
  afterAll(() => api.close());

  const create = (body: unknown) => api.request('POST', REPOSITORIES, body);
  const list = (query: string) => api.get(`${TAGS}?${query}`);
  const intact = async () => expect((await api.get(image.href)).body['name']).toBe('victim');

  it.each([
    ['a number beyond all integers', { retain_repo_versions: 1e308 }, 'retain_repo_versions'],
    ['a number below all integers', { retain_repo_versions: -(2 ** 63) }, 'retain_repo_versions'],
    ['a fraction for an integer', { retain_repo_versions: 1.5 }, 'retain_repo_versions'],
    ['a null byte in a name', { name: 'a\0b' }, 'name'],
    ['half a surrogate pair in a name', { name: 'a\ud800' }, 'name'],
    ['half a surrogate pair in a label', { pulp_labels: { a: '\udfff' } }, 'pulp_labels'],
    ['a null byte in a label', { pulp_labels: { a: 'b\0' } }, 'pulp_labels'],
    ['an object for a text', { name: { toString: 1 } }, 'name'],
    ['a list for a path', { remote: [[]] }, 'remote'],
    ['a number for a path', { remote: 5 }, 'remote'],
    ['a path into another table', { remote: `${ROOT}/users/1/` }, 'remote'],
    ['a member that every object has', { name: 'x', constructor: { prototype: {} } }, 'constructor'],
    ['another one', { name: 'x', hasOwnProperty: 1 }, 'hasOwnProperty'],
  ])('in a body, %s is refused by name', async (_what, given, field) => {
    const { status, body } = await create({ name: 'fine', ...given });
    expect(status).toBe(400);
    expect(Object.keys(body as object)).toEqual([field]);
  });

  it('names every member in question at once, of whatever kind the problem is', async () => {
    const { body } = await create({ name: null, foo: 1, remote: `${ROOT}/users/1/`, retain_repo_versions: 0 });
    expect(Object.keys(body as object).sort()).toEqual(['foo', 'name', 'remote', 'retain_repo_versions']);
    const gone = `${ROOT}/remotes/container/container/01900000-0000-7000-8000-000000000009/`;
    const both = await create({ name: 'x', remote: gone, retain_repo_versions: 0 });
    expect(Object.keys(both.body as object).sort()).toEqual(['remote', 'retain_repo_versions']);
  });

  it('refuses texts that no index takes', async () => {
    const name = randomBytes(100_000).toString('hex');
    expect((await create({ name })).status).toBe(400);
    const distribution = { name, base_path: 'a/b' };
    const task = await api.finished(
      await api.request('POST', `${ROOT}/distributions/container/container/`, distribution),
    );
    expect([task['state'], task['error']['description']]).toEqual(['failed', expect.stringContaining('too long')]);
  });

  it('takes a backslash for what it is in JSON of any shape', async () => {
    const body = { name: 'backslash', url: 'http://a.example', upstream_name: 'b', headers: [{ a: '\\u0000' }] };
    const made = await api.request('POST', `${ROOT}/remotes/container/container/`, body);
    expect([made.status, made.body['headers']]).toEqual([201, [{ a: '\\u0000' }]]);
  });

  it('refuses `__proto__` as it is written', async () => {
    const { status, body } = await create('{"name":"x","__proto__":{"admin":true}}');
    expect([status, body['__proto__']]).toEqual([400, ['Unexpected field']]);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });

  it('refuses bodies that are too long, too deep, doubled, cut off or not UTF-8', async () => {
    const long = await create({ name: 'x'.repeat(10 * 1024 * 1024) });
    expect(long.status).toBe(413);
    const deep = await create(`{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect([deep.status, Object.keys(deep.body as object)]).toEqual([400, ['detail']]);
    for (const text of ['{"name":"a","name":"b"}', '{"name":', '[]', '"text"', 'null', '{"name":NaN}'])
      expect((await create(text)).status, text).toBe(400);
    const latin = await fetch(new URL(REPOSITORIES, api.url), {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa('admin:correct horse battery staple')}`,
        'content-type': 'application/json',
      },
      body: Buffer.from([...Buffer.from('{"name":"'), 0xff, ...Buffer.from('"}')]),
    });
    expect(latin.status).toBe(400);
  });

  it.each([
    ['name__regex=(', 'name__regex'],
    ['name__regex=%5Ba-', 'name__regex'],
    ['name=%00', 'name'],
    ['orphaned_for=99999999999999999999', 'orphaned_for'],
    ['orphaned_for=soon', 'orphaned_for'],
    ['ordering=name;drop table tag', 'ordering'],
    ['ordering=constructor', 'ordering'],
    ['q=name="a" AND', 'q'],
    [`q=${'('.repeat(3000)}`, 'q'],
    [`q=${'NOT '.repeat(500)}name=a`, 'q'],
    ['pulp_label_select=;drop', 'pulp_label_select'],
    [`name=${'x'.repeat(300 * 1024)}`, 'name'],
  ])('as a filter, %s is refused by name', async (query, field) => {
    const { status, body } = await list(query);
    if (query.length > 16_000) return expect([400, 414, 431]).toContain(status);
    expect(status, JSON.stringify(body).slice(0, 200)).toBe(400);
    expect(Object.keys(body as object)).toEqual([field]);
  });

  it.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString'])('knows no filter %s', async (name) => {
    expect(await list(`${name}=1`)).toMatchObject({ status: 400, body: { errors: [`Invalid Filter: '${name}'`] } });
  });

  it.each(["'; drop table repository; --", "' or '1'='1", '$1', '\\', '%', '_', '${7*7}', '{{7*7}}'])(
    'takes %s for the text that it is',
    async (text) => {
      for (const lookup of [
        'name',
        'name__contains',
        'name__icontains',
        'name__startswith',
        'name__in',
        'name__iexact',
      ]) {
        const { status, body } = await list(`${lookup}=${encodeURIComponent(text)}`);
        expect([status, body['count']], lookup).toEqual([200, 0]);
      }
      await intact();
    },
  );

  it.each(['(a*)*b$', '(a|a)*b$', '(.*)(.*)(.*)(.*)(.*)b$', '^(a+)+$'])(
    'ends the pattern %s in time, with an answer',
    async (pattern) => {
      const { status, body } = await list(`name__regex=${encodeURIComponent(pattern)}&limit=1`);
      expect([200, 400]).toContain(status);
      if (status === 400) expect(body).toEqual({ name__regex: ['The pattern takes too long to evaluate.'] });
    },
  );

  it.each(['limit=-1', 'limit=99999999999999999999', 'offset=1e9', 'offset=-5', 'limit=NaN'])(
    'reads %s as if it were absent or the most there is',
    async (query) => expect((await list(query)).status).toBe(200),
  );

  it.each(['offset=100000', 'offset=99999999999999999999', `offset=${'9'.repeat(400)}`])(
    'reads %s as a place behind the end, not as the beginning',
    async (query) => expect((await list(query)).body).toMatchObject({ next: null, results: [] }),
  );

  it.each([
    'state=ended',
    'started_at__gt=99999999999999',
    'started_at__range=1,2,3',
    'finished_at=0000-00-00',
    'parent_task=x',
  ])('refuses %s for tasks', async (query) => expect((await api.get(`${ROOT}/tasks/?${query}`)).status).toBe(400));

  it('takes keys in paths for nothing when they are none', async () => {
    for (const key of ['1', '__proto__', '..%2f..%2fusers', '%00', "'", '01900000-0000-7000-8000-00000000000g'])
      expect((await api.get(`${REPOSITORIES}${key}/`)).status, key).toBe(404);
  });
});
