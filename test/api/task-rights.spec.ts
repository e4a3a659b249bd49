import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '#platform/identifiers.js';
import { rowsOf } from '#platform/database.js';
import { addUser, ROOT, startApi, type ApiProcess, type Json } from './api-process.js';

describe('rights on tasks', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi();
    for (const name of ['viewer', 'guest', 'maker', 'cleaner']) await addUser(api.source, name);
    await give('viewer', { role: 'core.task_viewer', content_object: null });
    await give('cleaner', { role: 'core.task_owner', content_object: null });
  });
  afterAll(() => api.close());

  const user = async (username: string) =>
    (await api.get(`${ROOT}/users/?username=${username}`)).body['results']![0] as { id: number; pulp_href: string };
  const give = async (username: string, role: unknown) =>
    expect((await api.request('POST', `${(await user(username)).pulp_href}roles/`, role)).status).toBe(201);
  const changes = (href: string, as: string) =>
    Promise.all([
      api.request('PATCH', href, { state: 'canceled' }, { as }).then(({ status }) => status),
      api.request('DELETE', href, undefined, { as }).then(({ status }) => status),
    ]);

  /** A task that nobody will run, or one that ended, which somebody dispatched. */
  async function taskOf(username: string, state = 'running', group: string | null = null): Promise<string> {
    const id = newId();
    await api.source.query(
      `insert into task (id, name, state, logging_cid, created_by, task_group_id, worker, claim, finished_at)
       values ($1, 'test.task', $2, 'c', $3, $4, (select name from app_status limit 1), gen_random_uuid(),
               case when $2 <> 'running' then now() - interval '1 day' end)`,
      [id, state, String((await user(username)).id), group],
    );
    return `${ROOT}/tasks/${id}/`;
  }

  it('who may see all tasks may neither cancel nor delete them', async () => {
    const href = await taskOf('admin', 'completed');
    expect((await api.get(href, { as: 'viewer' })).status).toBe(200);
    expect(await changes(href, 'viewer')).toEqual([403, 403]);
    expect(await changes(href, 'guest')).toEqual([404, 404]);
    expect((await api.get(href)).status).toBe(200);
  });

  it('who dispatched one has all rights on it', async () => {
    const href = await taskOf('maker');
    expect((await api.get(`${href}my_permissions/`, { as: 'maker' })).body['permissions']).toContain(
      'core.change_task',
    );
    const { status, body } = await api.request('PATCH', href, { state: 'canceled' }, { as: 'maker' });
    expect([status, ['canceling', 'canceled'].includes(body['state']!)]).toEqual([200, true]);
    const ended = await taskOf('maker', 'completed');
    expect((await api.request('DELETE', ended, undefined, { as: 'maker' })).status).toBe(204);
  });

  it('a role on one task counts for that one', async () => {
    const [given, other] = [await taskOf('admin', 'completed'), await taskOf('admin', 'completed')];
    const seen = async () => (await api.get(`${ROOT}/tasks/?name=test.task`, { as: 'guest' })).body['count'] as number;
    expect(await seen()).toBe(0);
    await api.request('POST', `${given}add_role/`, { role: 'core.task_owner', users: ['guest'] });
    expect(await seen()).toBe(1);
    expect(await changes(other, 'guest')).toEqual([404, 404]);
    expect((await api.get(`${given}my_permissions/`, { as: 'guest' })).body['permissions']).toContain(
      'core.delete_task',
    );
    expect((await api.request('DELETE', given, undefined, { as: 'guest' })).status).toBe(204);
  });

  it('a group is cancelled by who may change all its tasks', async () => {
    const group = newId();
    await api.source.query('insert into task_group (id) values ($1)', [group]);
    const hrefs = [await taskOf('maker', 'running', group), await taskOf('admin', 'running', group)];
    const cancel = (as: string) =>
      api.request('PATCH', `${ROOT}/task-groups/${group}/`, { state: 'canceled' }, { as }).then(({ status }) => status);
    expect(await cancel('maker')).toBe(403);
    expect((await api.get(hrefs[0]!)).body['state']).toBe('running');
    expect(await cancel('admin')).toBe(200);
  });

  it('a group names the workers of its tasks as the tasks do', async () => {
    const group = newId();
    await api.source.query('insert into task_group (id) values ($1)', [group]);
    const hrefs = [await taskOf('maker', 'running', group), await taskOf('maker', 'running', group)];
    await api.source.query(
      `with w as (insert into app_status (id, name, app_type, last_heartbeat, hostname, pid)
         values (gen_random_uuid(), 'w', 'worker', now(), 'h', 1) returning name)
       update task set worker = w.name from w where task.id = $1`,
      [hrefs[0]!.split('/').at(-2)],
    );
    const { body } = await api.get(`${ROOT}/task-groups/${group}/`);
    const own = await Promise.all(hrefs.map(async (href) => (await api.get(`${href}?minimal=true`)).body as Json));
    expect(body['tasks']).toEqual(own);
    expect([own[0].worker, own[1].worker]).toEqual([expect.stringContaining('/workers/'), null]);
    await api.source.query('delete from task_group where id = $1', [group]);
  });

  it('a purge takes those that the caller may delete, and groups that have none left', async () => {
    const group = newId();
    await api.source.query(
      `insert into task_group (id, pulp_created) values ($1, now() - interval '2 days'), ($2, now())`,
      [group, newId()],
    );
    const hrefs = [await taskOf('maker', 'failed', group), await taskOf('admin', 'failed', group)];
    const purge = async (as: string) => {
      const body = { states: ['failed'], finished_before: new Date(Date.now() - 3_600_000).toISOString() };
      const { progress_reports: reports } = await api.finished(
        await api.request('POST', `${ROOT}/tasks/purge/`, body, { as }),
      );
      return Object.fromEntries((reports as { code: string; done: number }[]).map(({ code, done }) => [code, done]));
    };
    const left = async () => (await rowsOf(api.source, 'select 1 from task_group where id = $1', [group])).length;
    expect(await purge('maker')).toMatchObject({ 'purge.tasks.key.core.Task': 1, 'purge.tasks.key.core.TaskGroup': 0 });
    expect([(await api.get(hrefs[0]!)).status, (await api.get(hrefs[1]!)).status, await left()]).toEqual([404, 200, 1]);
    expect(await purge('cleaner')).toMatchObject({
      'purge.tasks.key.core.Task': 1,
      'purge.tasks.key.core.TaskGroup': 1,
      'purge.tasks.total': 2,
      'purge.tasks.error': 0,
    });
    expect(await left()).toBe(0);
    expect(await rowsOf(api.source, 'select 1 from task_group')).toHaveLength(2);
  });
});
