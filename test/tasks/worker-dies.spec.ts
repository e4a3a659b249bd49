import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { rowsOf } from '#platform/database.js';
import { recoverTasks } from '#tasks/recover.js';
import { RunContext, type Ending } from '#tasks/run-context.js';
import { TaskQueue } from '#tasks/task-queue.js';
import { TaskRunner } from '#tasks/task-runner.js';
import type { ClaimedTask } from '#tasks/task-state.js';
import { handlers } from '../../apps/worker/handlers.js';
import { startApi, type Answer, type ApiProcess, type Json } from '../api/api-process.js';
import { FakeUpstream } from '../transfer/fake-upstream.js';
import { DYING_CASES, DYING_STEPS, type DyingWorld } from './dying-cases.js';

/** What the handler had done when its worker died, which nobody wrote down. */
interface Death {
  readonly task: ClaimedTask;
  readonly ending: Ending;
}

const WINDS_UP = TaskRunner.prototype as unknown as {
  finish(task: ClaimedTask, ending: Ending, context: RunContext): Promise<void>;
};

describe('a worker that dies when its work is done and the end of the task is not written', () => {
  let api: ApiProcess;
  let world: DyingWorld;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hallmark-dying-'));
    const roots = { HALLMARK_ALLOWED_EXPORT_PATHS: folder, HALLMARK_ALLOWED_IMPORT_PATHS: folder };
    api = await startApi(roots, handlers);
    world = { api, folder, upstream: await FakeUpstream.start() };
  });
  afterAll(async () => {
    await api?.close();
    await world?.upstream.stop();
    await rm(world.folder, { recursive: true, force: true });
  });
  afterEach(() => vi.restoreAllMocks());

  /** Runs a case whose worker forgets the task at the end of its first run, and finds it as the sweeper does. */
  async function dieOnce(
    start: () => Promise<Answer>,
    taskName: string,
  ): Promise<{ death: Death; before: Json; row: Json }> {
    const died = new Promise<Death>((done) => {
      const windUp = WINDS_UP.finish;
      let isDead = false;
      vi.spyOn(WINDS_UP, 'finish').mockImplementation(async function (this: unknown, task, ending, context) {
        if (isDead || task.name !== taskName) return windUp.call(this as never, task, ending, context);
        isDead = true;
        done({ task, ending });
      });
    });
    const answer = await start();
    expect(answer.status, JSON.stringify(answer.body)).toBe(202);
    const death = await died;
    const before = await rowAt(death);
    await recoverTasks(api.source, api.part(TaskQueue), [death.task]);
    return {
      death,
      before,
      row: await api.finished({ ...answer, body: { task: `/pulp/api/v3/tasks/${death.task.id}/` } }),
    };
  }

  const rowAt = async ({ task }: Death): Promise<Json> =>
    (
      await rowsOf(api.source, 'select state, attempts, result, created_resources from task where id = $1', [task.id])
    )[0];

  const nameOf = (handler: string): string => {
    const type = handlers.find(({ name }) => name === handler)!;
    return api.part(type).task.name;
  };

  it('is a case for every task that there is', () => {
    expect([...Object.keys(DYING_CASES), ...Object.keys(DYING_STEPS)].sort()).toEqual(
      handlers.map(({ name }) => name).sort(),
    );
  });

  it.each(Object.entries(DYING_CASES))('leaves %s completed with its result, done once', async (name, start) => {
    const { death, before, row } = await dieOnce(() => start(world), nameOf(name));
    expect(row).toMatchObject({ state: 'completed', error: null });
    expect(row.result).toEqual(JSON.parse(JSON.stringify(death.ending.result ?? null)));
    expect(before).toMatchObject({ state: 'completed', attempts: 1 });
    expect(await rowAt(death)).toEqual(before);
  });

  it.each(Object.entries(DYING_STEPS))('leaves %s to be run again, which completes it', async (name, start) => {
    const { death, row } = await dieOnce(() => start(world), nameOf(name));
    expect(death.ending.state).toBe('completed');
    expect(row).toMatchObject({ state: 'completed', error: null });
  });
});
