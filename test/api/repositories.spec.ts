import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, ROOT, startApi, type ApiProcess } from './api-process.js';

const REPOSITORIES = `${ROOT}/repositories/container/container/`;

describe('container repositories', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.close());

  it('are made at once, with every member that clients read', async () => {
    const { status, body, headers } = await api.request('POST', REPOSITORIES, { name: 'r1' });
    expect(body).toMatchObject({ name: 'r1', description: null, pulp_labels: {}, remote: null });
    expect(status).toBe(201);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('location')).toBe(body['pulp_href']);
    expect(body['latest_version_href']).toBe(`${body['pulp_href']!}versions/0/`);
    expect(body['prn']).toMatch(/^prn:container\.containerrepository:[0-9a-f-]{36}$/);
    expect(body['pulp_created']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const read = await api.get(body['pulp_href']!);
    expect(read.body).toEqual(body);
  });

  it('say what is wrong with a body, by member', async () => {
    const problems = async (body: unknown) => (await api.request('POST', REPOSITORIES, body)).body;
    expect(await problems({})).toEqual({ name: ['This field is required.'] });
    expect(await problems({ name: null })).toEqual({ name: ['This field may not be null.'] });
    expect(await problems({ name: '' })).toEqual({ name: ['This field may not be blank.'] });
    expect(await problems({ name: 'r1' })).toEqual({ name: ['This field must be unique.'] });
    expect(await problems({ name: [], retain_repo_versions: 0, more: 1 })).toEqual({
      name: ['Not a valid string.'],
      retain_repo_versions: ['Ensure this value is greater than or equal to 1.'],
      more: ['Unexpected field'],
    });
    expect(await problems({ name: 'x', retain_repo_versions: 0 })).toEqual({
      retain_repo_versions: ['Ensure this value is greater than or equal to 1.'],
    });
    expect(await problems({ name: 'x', remote: '/nowhere/' })).toEqual({
      remote: ['Invalid hyperlink - No URL match.'],
    });
    expect(await problems('[1]')).toEqual({
      non_field_errors: ['Invalid data. Expected a dictionary, but got list.'],
    });
    expect(await problems('{"name": "a", "name": "b"}')).toHaveProperty('detail');
    expect(await problems('{"__proto__": {"name": "a"}}')).toHaveProperty('name');
  });

  it('take remotes of one repository only, and distributions say all that is taken', async () => {
    const remote = { name: 'whole registry', url: 'https://registry.example' };
    const { body } = await api.request('POST', `${ROOT}/remotes/container/pull-through/`, remote);
    const refusal = `Type for Remote '${body['prn']!}' does not match Repository.`;
    const made = await api.request('POST', `${ROOT}/repositories/container/container/`, {
      name: 'pulling',
      remote: body['pulp_href'],
    });
    expect([made.status, made.body]).toEqual([400, { remote: [refusal] }]);
    const distribution = { name: 'taken', base_path: 'taken' };
    const distributions = `${ROOT}/distributions/container/container/`;
    await api.finished(await api.request('POST', distributions, distribution));
    const taken = ['This field must be unique.'];
    expect((await api.request('POST', distributions, distribution)).body).toEqual({ name: taken, base_path: taken });
  });

  it('change in a task that clients can follow, and not at all when nothing differs', async () => {
    const made = await api.request('POST', REPOSITORIES, { name: 'changing' });
    const href: string = made.body['pulp_href']!;
    const same = await api.request('PATCH', href, { name: 'changing' });
    expect([same.status, same.body]).toEqual([200, made.body]);
    const answer = await api.request('PATCH', href, { description: 'new' });
    expect(Object.keys(answer.body)).toEqual(['task']);
    const task = await api.finished(answer);
    expect(task['state']).toBe('completed');
    expect(task['result']).toMatchObject({ pulp_href: href, description: 'new' });
    expect(task['reserved_resources_record']).toEqual([made.body['pulp_href'], made.body['prn']]);
  });

  it('are deleted by a task', async () => {
    const { body } = await api.request('POST', REPOSITORIES, { name: 'doomed' });
    expect(await api.finished(await api.request('DELETE', body['pulp_href']!))).toMatchObject({ state: 'completed' });
    const gone = await api.get(body['pulp_href']!);
    expect([gone.status, gone.body]).toEqual([404, { detail: 'No ContainerRepository matches the given query.' }]);
  });

  it('carry labels', async () => {
    const { body } = await api.request('POST', REPOSITORIES, { name: 'labelled' });
    const set = await api.request('POST', `${body['pulp_href']!}set_label/`, { key: 'env', value: 'prod' });
    expect([set.status, set.body]).toEqual([201, { key: 'env', value: 'prod' }]);
    const list = async (select: string) =>
      (await api.get(`${REPOSITORIES}?name__in=r1,labelled&pulp_label_select=${encodeURIComponent(select)}`)).body[
        'count'
      ];
    expect(await Promise.all(['env', 'env=prod', '!env', 'env!=prod', 'env~RO', 'env=prod,other'].map(list))).toEqual([
      1, 1, 1, 0, 1, 0,
    ]);
    const unset = await api.request('POST', `${body['pulp_href']!}unset_label/`, { key: 'env' });
    expect(unset.body).toEqual({ key: 'env', value: 'prod' });
    const again = await api.request('POST', `${body['pulp_href']!}unset_label/`, { key: 'env' });
    expect([again.status, again.body]).toEqual([400, { key: ["Label 'env' is not set on the object."] }]);
  });

  it('do not exist for somebody without rights on them, and belong to their maker', async () => {
    await addUser(api.source, 'eve');
    const { body } = await api.request('POST', REPOSITORIES, { name: 'secret' });
    expect((await api.get(body['pulp_href']!, { as: 'eve' })).status).toBe(404);
    expect((await api.request('POST', REPOSITORIES, { name: 'hers' }, { as: 'eve' })).status).toBe(403);
    expect((await api.get(REPOSITORIES, { as: 'eve' })).body['count']).toBe(0);
    const role = { users: ['eve'], role: 'container.containerrepository_viewer' };
    const given = await api.request('POST', `${body['pulp_href']!}add_role/`, role);
    expect(given.status).toBe(201);
    await expect.poll(async () => (await api.get(body['pulp_href']!, { as: 'eve' })).status).toBe(200);
    const change = await api.request('PATCH', body['pulp_href']!, { description: 'x' }, { as: 'eve' });
    expect([change.status, change.body]).toEqual([
      403,
      { detail: 'You do not have permission to perform this action.' },
    ]);
    const mine = await api.get(`${body['pulp_href']!}my_permissions/`, { as: 'eve' });
    expect(mine.body).toEqual({ permissions: ['container.view_containerrepository'] });
  });
});
