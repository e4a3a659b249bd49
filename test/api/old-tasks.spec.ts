import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowsOf } from '#platform/database.js';
import { ROOT, startApi, type ApiProcess } from './api-process.js';

/** Ended a minute ago, or just now, or not at all. */
const TASKS = `
  insert into task (id, name, state, logging_cid, finished_at)
  select gen_random_uuid(), 'test.' || state, state, 'c', now() - age from (values
    ('completed', interval '1 minute'), ('failed', interval '1 minute'), ('canceled', interval '1 minute'),
    ('waiting', null), ('running', null)) as old(state, age)`;

const names = async (api: ApiProcess) =>
  (await rowsOf<{ name: string }>(api.source, `select name from task where name like 'test.%' order by name`)).map(
    ({ name }) => name,
  );

describe('tasks that ended', () => {
  let [keeping, forgetting]: ApiProcess[] = [];
  beforeAll(async () => {
    keeping = await startApi();
    forgetting = await startApi({ HALLMARK_TASK_TTL: '2' });
  });
  afterAll(async () => {
    await keeping?.close();
    await forgetting?.close();
  });

  it('are forgotten once they are older than the setting says, however they ended', async () => {
    const fresh = await forgetting!.finished(await forgetting!.request('POST', `${ROOT}/repair/`, {}));
    await forgetting!.source.query(TASKS);
    await expect.poll(() => names(forgetting!), { timeout: 20_000 }).toEqual(['test.running', 'test.waiting']);
    await expect
      .poll(async () => (await forgetting!.get(fresh['pulp_href'] as string)).status, { timeout: 20_000 })
      .toBe(404);
  });

  it('stay when nothing is set, as in Pulp', async () => {
    await keeping!.source.query(TASKS);
    const { body } = await keeping!.get(`${ROOT}/task-schedules/?name=old tasks`);
    expect([body['count'], (await names(keeping!)).length]).toEqual([0, 5]);
  });
});
