import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, ROOT, startApi, type ApiProcess } from './api-process.js';

describe('content guards', () => {
  let api: ApiProcess;
  const at = (type: string) => `${ROOT}/contentguards/core/${type}/`;
  const make = (type: string, body: object) => api.request('POST', at(type), body);

  beforeAll(async () => {
    api = await startApi();
    await addUser(api.source, 'paula');
  });
  afterAll(() => api.close());

  it('are made, changed, listed and deleted, of every type', async () => {
    const header = await make('header', { name: 'h', header_name: 'x-user', header_value: 'me', jq_filter: '.a' });
    expect([header.status, header.body['jq_filter']]).toEqual([201, '.a']);
    const redirect = await make('content_redirect', { name: 'c' });
    expect(redirect.status).toBe(201);
    expect(redirect.body).not.toHaveProperty('secret');
    const both = { name: 'both', guards: [header.body['pulp_href'], redirect.body['prn']] };
    const composite = await make('composite', both);
    expect(composite.body['guards']).toEqual([redirect.body['pulp_href'], header.body['pulp_href']]);
    const list = await api.get(`${ROOT}/contentguards/?ordering=name`);
    expect([...list.body['results']!].map((each) => [each['name'], each['pulp_href']])).toEqual([
      ['both', composite.body['pulp_href']],
      ['c', redirect.body['pulp_href']],
      ['content redirect', `${at('content_redirect')}01900000-0000-7000-8000-000000000001/`],
      ['h', header.body['pulp_href']],
    ]);
    const changed = await api.request('PATCH', header.body['pulp_href']!, { description: 'new', jq_filter: null });
    expect([changed.status, changed.body['description'], changed.body['jq_filter']]).toEqual([200, 'new', null]);
    const circle = { guards: [composite.body['pulp_href']] };
    expect((await api.request('PATCH', composite.body['pulp_href']!, circle)).body).toHaveProperty('guards');
    expect((await api.request('DELETE', header.body['pulp_href']!)).status).toBe(204);
    expect((await api.get(composite.body['pulp_href']!)).body['guards']).toEqual([redirect.body['pulp_href']]);
  });

  it('say what is wrong', async () => {
    expect((await make('header', { name: 'x' })).body).toEqual({
      header_name: ['This field is required.'],
      header_value: ['This field is required.'],
    });
    expect((await make('content_redirect', { name: 'c' })).body).toEqual({ name: ['This field must be unique.'] });
    expect((await make('composite', { name: 'x', guards: ['/nowhere/'] })).body).toHaveProperty('guards');
    const header = { name: 'x', header_name: 'x y', header_value: 'z', jq_filter: 'def f: f; f' };
    expect((await make('header', header)).body).toEqual({
      header_name: ['This is not the name of a header.'],
      jq_filter: ['Only paths of jq are understood, such as .identity.org_id or .roles[0].'],
    });
  });

  it('are named by distributions, which have the default one until then and keep one in use from being deleted', async () => {
    const collection = `${ROOT}/distributions/container/container/`;
    const made = await api.finished(await api.request('POST', collection, { name: 'd', base_path: 'd/e' }));
    const href: string = made['created_resources']![0];
    const [usual] = (await api.get(`${ROOT}/contentguards/?name=content%20redirect`)).body['results']!;
    expect((await api.get(href)).body).toMatchObject({
      content_guard: usual['pulp_href'],
      content_guard_prn: usual['prn'],
    });
    const { body: guard } = await make('rbac', { name: 'closed' });
    await api.finished(await api.request('PATCH', href, { content_guard: guard['prn'] }));
    expect((await api.get(href)).body['content_guard']).toBe(guard['pulp_href']);
    expect((await api.request('PATCH', href, { description: 'new' })).status).toBe(202);
    expect((await api.get(href)).body['content_guard_prn']).toBe(guard['prn']);
    const refused = await api.request('DELETE', guard['pulp_href']!);
    expect([refused.status, refused.body['detail']]).toEqual([409, expect.stringContaining("'d'")]);
    await api.finished(await api.request('PATCH', href, { content_guard: usual['pulp_href'] }));
    expect((await api.request('DELETE', guard['pulp_href']!)).status).toBe(204);
    expect((await api.request('DELETE', usual['pulp_href']!)).status).toBe(409);
    expect((await api.request('PATCH', href, { content_guard: null })).body).toEqual({
      content_guard: ['This field may not be null.'],
    });
    expect((await api.request('PATCH', href, { content_guard: href })).body).toEqual({
      content_guard: ['Invalid hyperlink - Incorrect URL match.'],
    });
  });

  it('show who may download, and are seen by who may see them', async () => {
    const { body } = await make('rbac', { name: 'r' });
    expect(body).toMatchObject({ users: [], groups: [] });
    const href: string = body['pulp_href']!;
    expect((await api.get(href, { as: 'paula' })).status).toBe(404);
    const role = { role: 'core.rbaccontentguard_downloader', users: ['paula'] };
    expect((await api.request('POST', `${href}add_role/`, role)).status).toBe(201);
    expect((await api.get(href)).body['users']![0]).toMatchObject({ username: 'paula' });
    expect((await api.request('POST', `${href}remove_role/`, role)).status).toBe(201);
    expect((await api.get(href)).body['users']).toEqual([]);
    expect((await api.request('POST', at('rbac'), { name: 'p' }, { as: 'paula' })).status).toBe(403);
  });
});
