import { chmod, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '#platform/identifiers.js';
import { addUser, ROOT, startApi, type ApiProcess } from './api-process.js';
import { filesOf, storeImage, storeOf } from './stored-content.js';

describe('maintenance', () => {
  let api: ApiProcess;
  const post = (path: string, body: unknown = {}) => api.request('POST', `${ROOT}${path}`, body);
  const count = async (table: string) =>
    Number(((await api.source.query(`select count(*) from ${table}`)) as { count: string }[])[0]!.count);

  beforeAll(async () => {
    api = await startApi();
    await addUser(api.source, 'paula');
  });
  afterAll(() => api.close());

  it('is for superusers', async () => {
    for (const path of ['/orphans/cleanup/', '/repair/', '/datarepair/7272/', '/repositories/reclaim_space/'])
      expect((await api.request('POST', `${ROOT}${path}`, {}, { as: 'paula' })).status).toBe(403);
  });

  it('cleans up orphans with their bytes, and nothing that is used', async () => {
    const kept = await storeImage(api, 'kept');
    const doomed = await storeImage(api, 'doomed');
    await api.finished(await api.request('DELETE', doomed.href));
    const protectedTask = await api.finished(await post('/orphans/cleanup/'));
    expect(protectedTask).toMatchObject({ state: 'completed', reserved_resources_record: ['pdrn:default:orphans'] });
    expect(await count('manifest')).toBe(2);
    const task = await api.finished(await post('/orphans/cleanup/', { orphan_protection_time: 0 }));
    expect(task['result']).toMatchObject({ tags: 1, manifests: 1, blobs: 2 });
    expect(task['progress_reports'].map((each: { code: string }) => each['code'])).toEqual([
      'clean-up.content',
      'clean-up.artifacts',
    ]);
    const store = storeOf(api);
    expect(await store.size(doomed.blobs[0]!)).toBeUndefined();
    expect(await store.size(kept.blobs[0]!)).toBe(64);
  });

  it('cleans up only the named units', async () => {
    const doomed = await storeImage(api, 'named');
    await api.finished(await api.request('DELETE', doomed.href));
    const [tag] = (await api.source.query(
      'select t.id from tag t join manifest m on m.id = t.manifest_id where m.digest = $1',
      [doomed.digest],
    )) as { id: string }[];
    const body = { content_hrefs: [`${ROOT}/content/container/tags/${tag!.id}/`], orphan_protection_time: 0 };
    expect((await api.finished(await post('/orphans/cleanup/', body)))['result']).toMatchObject({
      tags: 1,
      manifests: 0,
    });
    const problems = async (given: unknown) => (await post('/orphans/cleanup/', given)).body;
    expect(await problems({ content_hrefs: [] })).toEqual({ content_hrefs: ['Must not be [].'] });
    expect(await problems({ content_hrefs: ['/nowhere/'] })).toEqual({ content_hrefs: ['URI not valid: /nowhere/'] });
    expect(JSON.stringify(await problems({ content_hrefs: [`${ROOT}/content/container/tags/${newId()}/`] }))).toContain(
      'Could not find the following content units',
    );
    expect(await problems({ orphan_protection_time: -1 })).toHaveProperty('orphan_protection_time');
    expect((await api.request('DELETE', `${ROOT}/orphans/`)).status).toBe(202);
  });

  it('finds what is damaged and what is gone', async () => {
    const image = await storeImage(api, 'damaged');
    const store = filesOf(api);
    const path = store.localPath(image.blobs[1]!);
    await chmod(path, 0o600);
    await writeFile(path, 'x'.repeat(256));
    await store.remove(image.blobs[0]!);
    const task = await api.finished(await post('/repair/'));
    expect(task['result']).toMatchObject({ missing: 1, corrupted: 1, repaired: 0 });
    expect(task['result']!['lost'].toSorted()).toEqual([...image.blobs].toSorted());
    const quick = await api.finished(await post('/repair/', { verify_checksums: false }));
    expect(quick['result']).toMatchObject({ missing: 1, corrupted: 0 });
  });

  it('finds what is damaged in the row of a small blob', async () => {
    const image = await storeImage(api, 'damaged-row');
    const damaged = 'update blob set bytes = $2 where digest = $1';
    await api.source.query(damaged, [image.blobs[0], Buffer.alloc(64)]);
    await api.source.query(damaged, [image.blobs[1], Buffer.alloc(255)]);
    const version = `${image.href}versions/1/repair/`;
    const whole = await api.finished(await api.request('POST', version, {}));
    expect(whole['result']).toMatchObject({ missing: 0, corrupted: 2, repaired: 0 });
    const quick = await api.finished(await api.request('POST', version, { verify_checksums: false }));
    expect(quick['result']).toMatchObject({ missing: 0, corrupted: 1 });
  });

  it('gives back bytes that an upstream has, but for versions to keep', async () => {
    const image = await storeImage(api, 'mirrored');
    const other = await storeImage(api, 'pushed');
    await api.source.query(`update blob set bytes = 'in the row' where digest = $1`, [image.blobs[0]]);
    const remote = newId();
    await api.source.query(`insert into remote (id, name, url) values ($1, 'up', 'https://registry.example')`, [
      remote,
    ]);
    await api.source.query(
      `insert into remote_blob (blob_id, remote_id, upstream_name) select id, $2, 'up' from blob where digest = any($1)`,
      [image.blobs, remote],
    );
    const reclaim = async (body: object) =>
      (await api.finished(await post('/repositories/reclaim_space/', body)))['result'];
    const version = `${image.href}versions/1/`;
    expect(await reclaim({ repo_hrefs: [image.href], repo_versions_keeplist: [version] })).toEqual({
      blobs: 0,
      bytes: 0,
    });
    expect(await reclaim({ repo_hrefs: ['*'] })).toEqual({ blobs: 2, bytes: 320 });
    const store = filesOf(api);
    expect(await store.size(image.blobs[0]!)).toBeUndefined();
    expect(await api.source.query('select bytes from blob where digest = $1', [image.blobs[0]])).toEqual([
      { bytes: null },
    ]);
    expect(await store.size(other.blobs[0]!)).toBe(64);
    const problems = async (body: object) => (await post('/repositories/reclaim_space/', body)).body;
    expect(await problems({ repo_hrefs: [] })).toEqual({ repo_hrefs: ['Must not be [].'] });
    expect(await problems({ repo_hrefs: ['*', image.href] })).toEqual({
      repo_hrefs: ["Can not specify other HREFs when using '*'"],
    });
  });

  it('puts wrong counts of versions right, and only then', async () => {
    const { repositoryId } = await storeImage(api, 'counted');
    await api.source.query(
      `update repository_version set present = '{"tag": 7}' where repository_id = $1 and number = 1`,
      [repositoryId],
    );
    const repair = async (dry_run: boolean) =>
      (await api.finished(await post('/datarepair/7272/', { dry_run })))['result'];
    expect(await repair(true)).toMatchObject({ wrong: 1, repaired: 0 });
    expect(await repair(false)).toMatchObject({ wrong: 1, repaired: 1 });
    expect(await repair(false)).toMatchObject({ wrong: 0, repaired: 0 });
  });
});
