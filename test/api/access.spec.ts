import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type Answer, PASSWORD, ROOT, startApi, type ApiProcess } from './api-process.js';

/** What a browser sends after a sign-in: both cookies, and the token once more as a header. */
function sessionOf({ headers }: Answer) {
  const cookies = headers.getSetCookie().map((each) => each.split(';', 1)[0]!);
  return { as: null, headers: { cookie: cookies.join('; '), 'x-csrftoken': cookies[1]!.split('=')[1]! } };
}

describe('users, groups and roles', () => {
  let api: ApiProcess;
  const post = (path: string, body?: unknown, as?: string) =>
    api.request('POST', `${ROOT}${path}`, body, as ? { as } : {});

  beforeAll(async () => {
    api = await startApi();
    await addUser(api.source, 'paula');
  });
  afterAll(() => api.close());

  it('makes, changes and deletes users without ever showing a password', async () => {
    const made = await post('/users/', { username: 'mia', password: 'a long enough one', email: 'mia@example.org' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ username: 'mia', is_active: true, is_staff: false, groups: [] });
    expect(made.body['hidden_fields']).toEqual([{ name: 'password', is_set: true }]);
    expect(JSON.stringify(made.body)).not.toMatch(/argon|long enough/);
    const href: string = made.body['pulp_href']!;
    expect(href).toMatch(/^\/pulp\/api\/v3\/users\/\d+\/$/);
    const changed = await api.request('PATCH', href, { first_name: 'Mia', password: null });
    expect([changed.status, changed.body['first_name']]).toEqual([200, 'Mia']);
    expect(changed.body['hidden_fields']).toEqual([{ name: 'password', is_set: false }]);
    expect((await api.get(`${ROOT}/users/?username__contains=mia&is_active=true`)).body['count']).toBe(1);
    expect((await api.request('DELETE', href)).status).toBe(204);
    expect((await api.get(href)).body).toEqual({ detail: 'No User matches the given query.' });
  });

  it('says what is wrong with a user', async () => {
    const problems = async (body: unknown) => (await post('/users/', body)).body;
    expect(await problems({})).toEqual({ username: ['This field is required.'] });
    expect(await problems({ username: 'admin' })).toEqual({ username: ['This field must be unique.'] });
    expect(await problems({ username: 'a b' })).toHaveProperty('username');
    expect(await problems({ username: 'short', password: 'tiny' })).toHaveProperty('password');
    expect(await problems({ username: 'x', is_superuser: true })).toEqual({ is_superuser: ['Unexpected field'] });
  });

  it('keeps the last administrator', async () => {
    const { body } = await api.get(`${ROOT}/users/?username=admin`);
    const href: string = body['results']![0]!['pulp_href']!;
    expect((await api.request('DELETE', href)).status).toBe(409);
    expect((await api.request('PATCH', href, { is_active: false })).status).toBe(409);
    expect((await api.get(href)).body['is_active']).toBe(true);
  });

  it('shows users to superusers only', async () => {
    for (const path of ['users', 'roles', 'access_policies'])
      expect((await api.get(`${ROOT}/${path}/`, { as: 'paula' })).status).toBe(403);
    expect((await api.get(`${ROOT}/users/`, { as: null })).status).toBe(401);
  });

  it('gives rights by groups, and takes them back', async () => {
    const group = await post('/groups/', { name: 'releasers' });
    expect([group.status, group.body['name']]).toEqual([201, 'releasers']);
    const href: string = group.body['pulp_href']!;
    const member = await api.request('POST', `${href}users/`, { username: 'paula' });
    expect([member.status, member.body['username']]).toEqual([201, 'paula']);
    expect((await api.get(`${href}users/`)).body['results']).toEqual([member.body]);
    expect((await api.request('POST', `${href}users/`, { username: 'nobody' })).body).toEqual({
      username: ['Could not find user nobody'],
    });
    const role = { role: 'container.containerrepository_creator', content_object: null };
    const given = await api.request('POST', `${href}roles/`, role);
    expect(given.status).toBe(201);
    expect(given.body).toMatchObject({ role: role.role, content_object: null, domain: null });
    expect((await api.request('POST', `${href}roles/`, role)).body).toEqual({
      non_field_errors: ['The role is already assigned to this group.'],
    });
    const create = () => post('/repositories/container/container/', { name: `r${Math.random()}` }, 'paula');
    expect((await create()).status).toBe(201);
    expect((await api.request('DELETE', given.body['pulp_href']!)).status).toBe(204);
    expect((await create()).status).toBe(403);
    expect((await api.request('DELETE', member.body['pulp_href']!)).status).toBe(204);
    expect((await api.request('DELETE', href)).status).toBe(204);
  });

  it('refuses roles without saying on what', async () => {
    const { body } = await api.get(`${ROOT}/users/?username=paula`);
    const href: string = body['results']![0]!['pulp_href']!;
    const missing = await api.request('POST', `${href}roles/`, { role: 'container.containerrepository_viewer' });
    expect(missing.status).toBe(400);
    expect(JSON.stringify(missing.body)).toContain(
      "Either 'content_object' or 'content_object_prn' needs to be specified.",
    );
    const made = await post('/repositories/container/container/', { name: 'watched' });
    const seen = () => api.get(made.body['pulp_href']!, { as: 'paula' });
    expect((await seen()).status).toBe(404);
    const wrong = { role: 'core.group_viewer', content_object: made.body['pulp_href'] };
    expect(JSON.stringify((await api.request('POST', `${href}roles/`, wrong)).body)).toContain(
      "The role 'core.group_viewer' does not carry any permission for that object.",
    );
    const right = { role: 'container.containerrepository_viewer', content_object_prn: made.body['prn'] };
    const given = await api.request('POST', `${href}roles/`, right);
    expect(given.body).toMatchObject({ content_object: made.body['pulp_href'], content_object_prn: made.body['prn'] });
    await expect.poll(async () => (await seen()).status).toBe(200);
  });

  it('makes roles of its own and leaves the locked ones alone', async () => {
    const made = await post('/roles/', { name: 'mine', permissions: ['container.view_containerrepository'] });
    expect([made.status, made.body['locked']]).toEqual([201, false]);
    expect((await post('/roles/', { name: 'bad', permissions: ['no.such'] })).status).toBe(400);
    const changed = await api.request('PATCH', made.body['pulp_href']!, { description: 'Reads.' });
    expect([changed.status, changed.body['description']]).toEqual([200, 'Reads.']);
    const { body } = await api.get(`${ROOT}/roles/?locked=true&contains_permission=container.view_containerremote`);
    expect(body['count']).toBe(2);
    const locked: string = body['results']![0]!['pulp_href']!;
    for (const [method, sent] of [
      ['PATCH', { description: 'x' }],
      ['DELETE', undefined],
    ] as const) {
      const answer = await api.request(method, locked, sent);
      expect([answer.status, answer.body]).toEqual([403, { detail: 'The role is locked.' }]);
    }
    expect((await api.request('DELETE', made.body['pulp_href']!)).status).toBe(204);
  });

  it('signs browsers in and out, and lets people change their own account', async () => {
    const signedIn = await post('/login/', undefined, 'paula');
    expect([signedIn.status, signedIn.body['username']]).toEqual([201, 'paula']);
    const [cookie] = signedIn.headers.getSetCookie();
    expect(cookie).toMatch(/HttpOnly; Path=\/; SameSite=Strict/);
    const session = sessionOf(signedIn);
    expect((await api.get(`${ROOT}/login/`, session)).body['username']).toBe('paula');
    const patch = (body: object) => api.request('PATCH', `${ROOT}/login/`, body, session);
    expect((await patch({ first_name: 'Paula', username: 'paula' })).body).toEqual({
      username: 'paula',
      first_name: 'Paula',
      last_name: '',
      email: '',
    });
    expect((await patch({ username: 'somebody' })).body).toHaveProperty('username');
    expect((await patch({ old_password: 'wrong one', new_password: 'another good one' })).status).toBe(400);
    expect((await patch({ old_password: PASSWORD, new_password: 'another good one' })).status).toBe(200);
    expect((await api.get(`${ROOT}/login/`, session)).status).toBe(401);
    await api.source.query(
      `update user_account set password_hash = (select password_hash from user_account where username = 'admin') where username = 'paula'`,
    );
    await api.source.query(`select pg_notify('hallmark_change', 'access identity:*')`);
    const again = await post('/login/', undefined, 'paula');
    const next = sessionOf(again);
    const out = await api.request('DELETE', `${ROOT}/login/`, undefined, next);
    expect([out.status, out.headers.getSetCookie().map((each) => each.split(';', 1)[0])]).toEqual([
      204,
      ['sessionid=', 'csrftoken='],
    ]);
    expect((await api.get(`${ROOT}/login/`, next)).status).toBe(401);
  });

  it('takes changes in a session only with the token that no other site knows', async () => {
    const { as, headers } = sessionOf(await post('/login/', undefined, 'admin'));
    const { 'x-csrftoken': token, cookie } = headers;
    const make = (more: Record<string, string>) =>
      api.request('POST', `${ROOT}/groups/`, { name: 'by session' }, { as, headers: { cookie, ...more } });
    const missing = await make({});
    expect([missing.status, missing.body]).toEqual([403, { detail: 'CSRF Failed: CSRF token missing.' }]);
    const other = sessionOf(await post('/login/', undefined, 'admin')).headers['x-csrftoken'];
    for (const wrong of ['', 'x', other]) expect((await make({ 'x-csrftoken': wrong })).status).toBe(403);
    expect((await make({ 'x-csrftoken': token })).status).toBe(201);
  });

  it('makes who makes the first distribution of a namespace its owner', async () => {
    await addUser(api.source, 'nina');
    const body = { name: 'n', base_path: 'nina/app' };
    await api.finished(await post('/distributions/container/container/', body, 'nina'));
    const list = await api.get(`${ROOT}/pulp_container/namespaces/?name=nina`, { as: 'nina' });
    const roles = await api.get(`${list.body['results']![0]!['pulp_href']!}list_roles/`, { as: 'nina' });
    expect(roles.body['roles']).toEqual([{ role: 'container.containernamespace_owner', users: ['nina'], groups: [] }]);
  });

  it('enforces edited access policies until they are reset', async () => {
    const { body } = await api.get(`${ROOT}/access_policies/?viewset_name=repositories/container/container`);
    const policy = body['results']![0]!;
    expect(policy).toMatchObject({ customized: false, queryset_scoping: { function: 'scope_queryset' } });
    expect(policy['creation_hooks']).toEqual([
      { function: 'add_roles_for_object_creator', parameters: { roles: 'container.containerrepository_owner' } },
    ]);
    await addUser(api.source, 'otto');
    const create = () => post('/repositories/container/container/', { name: `o${Math.random()}` }, 'otto');
    expect((await create()).status).toBe(403);
    const open = {
      statements: [{ action: ['create', 'list'], principal: 'authenticated', effect: 'allow' }],
      creation_hooks: null,
    };
    const edited = await api.request('PATCH', policy['pulp_href']!, open);
    expect(edited.body).toMatchObject({ customized: true, creation_hooks: null });
    const made = await create();
    expect(made.status).toBe(201);
    expect((await api.get(made.body['pulp_href']!, { as: 'otto' })).status).toBe(404);
    const viewer = 'container.containerrepository_viewer';
    const hooks = [
      { function: 'add_roles_for_users', parameters: { roles: viewer, users: ['otto', 'nobody'] } },
      { function: 'add_roles_for_groups', parameters: { roles: [viewer], groups: ['watchers'] } },
    ];
    await post('/groups/', { name: 'watchers' });
    expect((await api.request('PATCH', policy['pulp_href']!, { creation_hooks: hooks })).status).toBe(200);
    const { body: shared } = await create();
    expect((await api.get(`${shared['pulp_href']!}list_roles/`)).body['roles']).toEqual([
      { role: viewer, users: ['otto'], groups: ['watchers'] },
    ]);
    const odd = { creation_hooks: [{ function: 'add_roles_for_users', parameters: { roles: viewer } }] };
    expect((await api.request('PATCH', policy['pulp_href']!, odd)).body['creation_hooks']![0]).toContain('"users"');
    const silly = { statements: [{ action: 'list', principal: '*', effect: 'allow', condition: 'is_tuesday' }] };
    expect((await api.request('PATCH', policy['pulp_href']!, silly)).status).toBe(400);
    expect((await api.request('POST', `${policy['pulp_href']!}reset/`)).body).toMatchObject({ customized: false });
    expect((await create()).status).toBe(403);
  });

  it('makes robots that only their owner sees', async () => {
    const scopes = [{ repository: 'team/*', actions: ['pull'] }];
    const made = await post('/robots/', { name: 'ci', scopes }, 'paula');
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ username: 'robot$ci', active: true, scopes });
    expect(made.body['secret']).toMatch(/^hmk_/);
    const href: string = made.body['pulp_href']!;
    expect((await api.get(href, { as: 'paula' })).body).not.toHaveProperty('secret');
    expect((await api.get(href, { as: 'otto' })).status).toBe(404);
    expect((await post('/robots/', { name: 'x', scopes: [] }, 'paula')).status).toBe(400);
    expect((await api.request('DELETE', href, undefined, { as: 'paula' })).status).toBe(204);
    expect((await api.get(href)).body['active']).toBe(false);
  });
});
