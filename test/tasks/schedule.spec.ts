import { describe, expect, it } from 'vitest';
import { useBackend } from './backends.js';

describe('periodic jobs', () => {
  const ground = useBackend('PostgreSQL');

  it('a job comes back at its interval and runs in one process at a time', async () => {
    let running = 0;
    let most = 0;
    const turns: number[] = [];
    const job = {
      name: 'test job',
      seconds: 0.4,
      async run() {
        running += 1;
        most = Math.max(most, running);
        turns.push(performance.now());
        await new Promise((done) => setTimeout(done, 50));
        running -= 1;
      },
    };
    const processes = [await ground.start(), await ground.start(), await ground.start()];
    for (const { scheduler } of processes) scheduler.register(job);
    await expect.poll(() => turns.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(4);
    expect(most).toBe(1);
    for (const [index, at] of turns.slice(1).entries()) expect(at - turns[index]!).toBeGreaterThan(300);
  });

  it('a job that takes longer than its interval keeps its lease', async () => {
    let running = 0;
    let most = 0;
    let ended = 0;
    const job = {
      name: 'slow job',
      seconds: 0.2,
      async run() {
        most = Math.max(most, (running += 1));
        await new Promise((done) => setTimeout(done, 1500));
        running -= 1;
        ended += 1;
      },
    };
    for (const { scheduler } of [await ground.start(), await ground.start()]) scheduler.register(job);
    await expect.poll(() => ended, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    expect(most).toBe(1);
  });

  it('a job that fails comes back, and one with interval 0 never runs and is no more among the schedules', async () => {
    let failures = 0;
    let never = 0;
    await ground.database.source.query(
      `insert into task_schedule (id, name, task_name, dispatch_interval, next_dispatch)
       values (gen_random_uuid(), 'off', 'off', 60, now())`,
    );
    const { scheduler } = await ground.start();
    scheduler.register({ name: 'bad job', seconds: 0.2, run: () => Promise.reject(new Error(`${(failures += 1)}`)) });
    scheduler.register({ name: 'off', seconds: 0, run: () => Promise.resolve((never += 1)) });
    await expect.poll(() => failures, { timeout: 5000 }).toBeGreaterThanOrEqual(2);
    expect(never).toBe(0);
    expect(await ground.database.source.query(`select 1 from task_schedule where name = 'off'`)).toEqual([]);
  });

  it('the lease of a killed process ends, so that another takes the job over', async () => {
    const { scheduler } = await ground.start();
    await ground.database.source.query(
      `insert into task_schedule (id, name, task_name, dispatch_interval, next_dispatch, leased_by, leased_until)
       values (gen_random_uuid(), 'left job', 'left job', 1, now(), 'gone', now() + interval '1 second')`,
    );
    let turns = 0;
    scheduler.register({ name: 'left job', seconds: 0.4, run: () => Promise.resolve((turns += 1)) });
    await expect.poll(() => turns, { timeout: 5000 }).toBeGreaterThanOrEqual(1);
  });
});
