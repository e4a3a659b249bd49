import { afterAll, beforeAll, expect, it } from 'vitest';
import { ROOT, startApi, type ApiProcess, type Json } from './api-process.js';
import { signImage, storeImage } from './stored-content.js';

let api: ApiProcess;

beforeAll(async () => {
  api = await startApi();
  for (const type of ['container', 'container-push'] as const)
    await signImage(api, await storeImage(api, `of ${type}`, type), '0123456789ABCDEF');
  const make = (path: string, body: object) => api.request('POST', `${ROOT}/${path}/`, body);
  const url = 'https://registry.example';
  await make('remotes/container/container', { name: 'remote', url, upstream_name: 'app' });
  const { body } = await make('remotes/container/pull-through', { name: 'all', url });
  await api.finished(await make('distributions/container/container', { name: 'one', base_path: 'one/app' }));
  const through = { name: 'through', base_path: 'through', remote: body['pulp_href'] };
  await api.finished(await make('distributions/container/pull-through', through));
  await make('groups', { name: 'group' });
  await make('importers/core/pulp', { name: 'importer' });
  await make('upstream-pulps', { name: 'upstream', base_url: url, api_root: '/pulp/' });
  await make('uploads', { size: 1 });
});
afterAll(() => api?.close());

it('every list with something in it can be ordered by everything that the document names', async () => {
  const { body } = await api.get(`${ROOT}/docs/api.json`, { as: null });
  let lists = 0;
  for (const [path, { get }] of Object.entries<Json>(body['paths']).filter(([each]) => each.startsWith('/'))) {
    const ordering = get?.parameters.find((each: Json) => each.name === 'ordering');
    if (!ordering || (await api.get(`${path}?limit=1`)).body['count'] === 0) continue;
    lists += 1;
    for (const name of ordering.schema.items.enum as string[]) {
      const { status } = await api.get(`${path}?limit=1&ordering=${name}`);
      expect(status, `${path}?ordering=${name}`).toBe(200);
    }
  }
  expect(lists).toBeGreaterThan(20);
}, 120_000);
