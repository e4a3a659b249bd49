import { chmod, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, ROOT, startApi, type ApiProcess, type Json } from './api-process.js';
import { storeImage, filesOf } from './stored-content.js';

describe('versions of repositories', () => {
  let api: ApiProcess;
  const tagsOf = async (version: string): Promise<string[]> =>
    (await api.get(`${ROOT}/content/container/tags/?repository_version=${version}&ordering=name`)).body['results']!.map(
      (tag: Json) => tag['name'] as string,
    );
  const act = async (href: string, action: string, body: object = {}) =>
    api.finished(await api.request('POST', `${href}${action}/`, body));

  beforeAll(async () => {
    api = await startApi();
    await addUser(api.source, 'paula');
  });
  afterAll(() => api.close());

  it('can be gone back to: the new head has what the old one had, and history stays', async () => {
    const { href, digest } = await storeImage(api, 'rolled');
    await act(href, 'tag', { tag: 'bad', digest });
    await act(href, 'untag', { tag: 'latest' });
    expect(await tagsOf(`${href}versions/3/`)).toEqual(['bad']);
    const task = await act(href, 'modify', { base_version: `${href}versions/1/` });
    expect(task['created_resources']).toEqual([`${href}versions/4/`]);
    expect(await tagsOf(`${href}versions/4/`)).toEqual(['latest']);
    expect(await tagsOf(`${href}versions/3/`)).toEqual(['bad']);
    const [first, last] = await Promise.all([1, 4].map((number) => api.get(`${href}versions/${number}/`)));
    const counts = (answer: typeof first) =>
      Object.entries(answer!.body['content_summary']!['present'] as Record<string, Json>).map(([type, { count }]) => [
        type,
        count as number,
      ]);
    expect(counts(last)).toEqual(counts(first));
    expect(last!.body['base_version']).toBe(`${href}versions/1/`);
  });

  it('make no new version when they are gone back to and nothing differs', async () => {
    const { href } = await storeImage(api, 'same');
    const task = await act(href, 'modify', { base_version: `${href}versions/1/` });
    expect(task['created_resources']).toEqual([]);
    expect((await api.get(href)).body['latest_version_href']).toBe(`${href}versions/1/`);
  });

  it('refuse to be built on a version that is not there', async () => {
    const { href } = await storeImage(api, 'missing');
    const { status, body } = await api.request('POST', `${href}modify/`, { base_version: `${href}versions/9/` });
    expect([status, Object.keys(body as object)]).toEqual([400, ['base_version']]);
  });

  it.each(['container', 'container-push'] as const)('of %s repositories are checked for damage', async (type) => {
    const image = await storeImage(api, `damaged-${type}`, type);
    const other = await storeImage(api, `other-${type}`, type);
    const store = filesOf(api);
    const path = store.localPath(image.blobs[1]!);
    await chmod(path, 0o600);
    await writeFile(path, 'x'.repeat(256));
    await store.remove(image.blobs[0]!);
    const task = await act(`${image.href}versions/1/`, 'repair');
    expect(task).toMatchObject({ name: 'pulpcore.app.tasks.repository.repair_version', state: 'completed' });
    expect(task['result']).toMatchObject({ checked: 3, missing: 1, corrupted: 1, repaired: 0 });
    const codes = (task['progress_reports'] as Json[]).map(({ code, done }) => [code, done]);
    expect(codes).toEqual([
      ['repair.missing', 1],
      ['repair.corrupted', 1],
      ['repair.repaired', 0],
    ]);
    const quick = await act(`${image.href}versions/1/`, 'repair', { verify_checksums: false });
    expect(quick['result']).toMatchObject({ checked: 2, missing: 1, corrupted: 0 });
    expect((await act(`${other.href}versions/1/`, 'repair'))['result']).toMatchObject({ missing: 0, corrupted: 0 });
  });

  it('are not repaired by those who may not, nor where there are none', async () => {
    const { href } = await storeImage(api, 'guarded');
    const repair = (path: string, body: object, as = 'admin') => api.request('POST', path, body, { as });
    expect((await repair(`${href}versions/1/repair/`, {}, 'paula')).status).toBe(404);
    expect((await repair(`${href}versions/7/repair/`, {})).status).toBe(404);
    expect((await repair(`${href}versions/1/repair/`, { verify_checksums: 'perhaps' })).body).toEqual({
      verify_checksums: ['Must be a valid boolean.'],
    });
  });

  it('are named by tasks with path and PRN, and found by both', async () => {
    const { href, repositoryId } = await storeImage(api, 'reserved');
    const task = await act(href, 'untag', { tag: 'latest' });
    const prn = `prn:container.containerrepository:${repositoryId}`;
    expect(task['reserved_resources_record']).toEqual([href, prn]);
    for (const name of [href, prn])
      expect((await api.get(`${ROOT}/tasks/?reserved_resources=${name}`)).body['count']).toBe(1);
    const repaired = await act(`${href}versions/1/`, 'repair');
    expect(repaired['reserved_resources_record']).toEqual([`shared:${href}`, `shared:${prn}`]);
    expect((await api.get(`${ROOT}/tasks/?shared_resources=${href}`)).body['count']).toBe(1);
  });
});
