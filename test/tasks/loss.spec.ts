import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { inTransaction } from '#platform/database.js';
import { defineTask, type TaskHandler } from '#tasks/define-task.js';
import { dispatchTask } from '#tasks/dispatch.js';
import { BACKENDS, useBackend, type TaskGround } from './backends.js';
import { aWhile, Gate } from './gate.js';
import { STEADY } from './task-process.js';

const A = '/pulp/api/v3/repositories/container/container/a/';
const stuck = defineTask<null>({ name: 'test.stuck' });
const stuckOnce = defineTask<null>({ name: 'test.stuck_once', restartable: false });

describe.each(BACKENDS)('tasks and lost workers with a queue in %s', (backend) => {
  const ground = useBackend(backend);
  const children: ChildProcess[] = [];
  afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

  const startChild = async () => {
    const child = spawnWorker(ground);
    children.push(child);
    await new Promise<void>((done, fail) => {
      child.stdout!.once('data', () => done());
      child.once('exit', (code) => fail(new Error(`the worker ended with ${code}`)));
    });
    return child;
  };

  it('a task whose worker was killed runs again elsewhere, in its old place, or fails when it may not', async () => {
    const child = await startChild();
    const { dispatcher } = await ground.start({ appType: 'api', timings: STEADY });
    const again = await dispatcher.dispatch(stuck, null, { exclusive: [A] });
    const once = await dispatcher.dispatch(stuckOnce, null);
    const behind = await dispatcher.dispatch(stuck, null, { exclusive: [A] });
    await ground.until(again.id, 'running');
    await ground.until(once.id, 'running');
    await aWhile();
    child.kill('SIGKILL');
    const order: string[] = [];
    const handler: TaskHandler = { task: stuck, run: async (_payload, { taskId }) => order.push(taskId) };
    await ground.start({ handlers: [handler], timings: STEADY });
    expect((await ground.until(once.id, 'failed')).error).toEqual({ reason: 'Worker has gone missing.' });
    expect((await ground.until(again.id, 'completed')).attempts).toBe(2);
    await ground.until(behind.id, 'completed');
    expect(order).toEqual([again.id, behind.id]);
  });

  it('G16 a task that takes its workers down is given up after three starts', async () => {
    const source = ground.database.source;
    const { dispatcher, sweeper } = await ground.start({ appType: 'api', timings: { sweep: 60_000 } });
    const { id } = await dispatcher.dispatch(stuck, null);
    for (const attempts of [1, 2, 3]) {
      await source.query(
        `update task set state = 'running', worker = 'gone', claim = gen_random_uuid(), attempts = $2 where id = $1`,
        [id, attempts],
      );
      await sweeper.sweep();
      expect((await ground.task(id)).state).toBe(attempts < 3 ? 'waiting' : 'failed');
    }
    expect((await ground.task(id)).error).toEqual({ reason: 'Worker has gone missing.' });
  });

  it('a task that was being cancelled when its worker went ends as cancelled', async () => {
    const { dispatcher, sweeper } = await ground.start({ appType: 'api', timings: { sweep: 60_000 } });
    const { id } = await dispatcher.dispatch(stuck, null, { exclusive: [A] });
    await ground.database.source.query(
      `update task set state = 'canceling', worker = 'gone', claim = gen_random_uuid(), attempts = 1 where id = $1`,
      [id],
    );
    await sweeper.sweep();
    expect((await ground.task(id)).state).toBe('canceled');
    expect(await ground.database.source.query('select * from task_resource')).toEqual([]);
  });

  it('G16 a worker that was taken for dead cannot store its outcome, neither by its fence nor as the result', async () => {
    const gate = new Gate();
    const stored: string[] = [];
    const make = (name: string): TaskHandler<null, string> => ({
      task: defineTask({ name: 'test.fenced' }),
      async run(_payload, { fence }) {
        await new Promise<void>(
          (done) => void gate.run(name, { signal: new AbortController().signal }).then(() => done()),
        );
        await ground.database.source.transaction(async (tx) => {
          await fence(tx);
          stored.push(name);
        });
        return name;
      },
    });
    const slow = await ground.start({ appType: 'api' });
    const outcome = slow.dispatcher.runImmediately(make('slow'), null);
    await gate.started('slow');
    await slow.status.stopHeart();
    await ground.start({ handlers: [make('quick')] });
    gate.release('quick');
    await gate.started('quick');
    const [{ id }] = await ground.database.source.query('select id from task');
    expect((await ground.until(id, 'completed')).result).toBe('quick');
    gate.release('slow');
    expect((await outcome).result).toBe('quick');
    expect(stored).toEqual(['quick']);
    expect((await ground.task(id)).attempts).toBe(2);
  });

  it('a process that lost a task gives its job on while it still winds up', async () => {
    const gate = new Gate();
    const deaf: TaskHandler<string> = {
      task: gate.task,
      run: (key) => gate.run(key, { signal: new AbortController().signal }),
    };
    const slow = await ground.start({ handlers: [deaf], timings: { abortGrace: 60_000 } });
    const { id } = await slow.dispatcher.dispatch(gate.task, 'x');
    await gate.started('x');
    await slow.status.stopHeart();
    const other = await ground.start({ handlers: [{ task: gate.task, run: () => Promise.resolve('other') }] });
    expect(await ground.until(id, 'completed')).toMatchObject({ result: 'other', worker: other.status.name });
    gate.release('x');
  });

  it('a worker whose heart was slow hears that its task is gone', async () => {
    const gate = new Gate();
    const worker = await ground.start({ handlers: [gate] });
    const { id } = await worker.dispatcher.dispatch(gate.task, 'x');
    await gate.started('x');
    await ground.database.source.query(`update task set state = 'completed', claim = null where id = $1`, [id]);
    await expect.poll(() => worker.status.busy, { timeout: 5000 }).toBe(0);
    expect(gate.events).toEqual(['start x']);
  });

  it('a cancellation that comes before the outcome is stored wins', async () => {
    const gate = new Gate();
    let refused: unknown;
    const handler: TaskHandler<null> = {
      task: defineTask({ name: 'test.fenced' }),
      async run(_payload, { fence }) {
        await gate.run('x', { signal: new AbortController().signal });
        await ground.database.source
          .transaction((tx) => fence(tx))
          .catch((error: unknown) => {
            refused = error;
            throw error;
          });
      },
    };
    const { dispatcher } = await ground.start({ handlers: [handler] });
    const { id } = await dispatcher.dispatch(handler.task, null);
    await gate.started('x');
    await dispatcher.cancel(id);
    gate.release('x');
    await ground.until(id, 'canceled');
    expect(refused).toMatchObject({ why: 'canceled' });
  });

  it.each([
    ['completed when its transaction committed, though the handler failed afterwards', true],
    ['failed when its transaction was undone', false],
  ])('a task that ends together with its work is %s', async (_how, commits) => {
    const { source } = ground.database;
    const handler: TaskHandler<null> = {
      task: defineTask({ name: 'test.concluded' }),
      async run(_payload, { conclude }) {
        await source.transaction(async (tx) => {
          await conclude(tx, 'done');
          if (!commits) throw new Error('connection lost');
        });
        throw new Error('connection lost');
      },
    };
    const { dispatcher } = await ground.start({ handlers: [handler] });
    const { id } = await dispatcher.dispatch(handler.task, null, { exclusive: [A] });
    const behind = await dispatcher.dispatch(handler.task, null, { exclusive: [A] });
    const ended = commits
      ? { state: 'completed', result: 'done', error: null }
      : { state: 'failed', result: null, error: { description: 'connection lost' } };
    expect(await ground.until(id, ended.state as 'completed')).toMatchObject(ended);
    await ground.until(behind.id, ended.state as 'completed');
  });

  it('a task names what its last attempt at its transaction made, and nothing of those that were undone', async () => {
    let attempts = 0;
    const handler: TaskHandler<null> = {
      task: defineTask({ name: 'test.attempts' }),
      run: (_payload, { conclude }) =>
        inTransaction(ground.database.source, async (tx) => {
          attempts += 1;
          await conclude(tx, null, [`/made/${attempts}/`]);
          if (attempts === 1) throw Object.assign(new Error('deadlock detected'), { code: '40P01' });
        }),
    };
    const { dispatcher } = await ground.start({ handlers: [handler] });
    const { id } = await dispatcher.dispatch(handler.task, null);
    expect((await ground.until(id, 'completed')).createdResources).toEqual(['/made/2/']);
  });

  it('a task that was committed without a job is found within seconds', async () => {
    const gate = new Gate();
    gate.release('x');
    await ground.start({ handlers: [gate] });
    const { id } = await ground.database.source.transaction((tx) => dispatchTask(tx, gate.task, 'x'));
    const since = performance.now();
    await ground.until(id, 'completed');
    expect(performance.now() - since).toBeLessThan(5000);
  });

  it('a stopping worker lets a short task end', async () => {
    const gate = new Gate();
    const worker = await ground.start({ handlers: [gate], timings: { drain: 5000 } });
    const { id } = await worker.dispatcher.dispatch(gate.task, 'x');
    await gate.started('x');
    setTimeout(() => gate.release('x'), 200);
    await ground.stop(worker);
    expect((await ground.task(id)).state).toBe('completed');
    expect(await ground.database.source.query('select * from app_status')).toEqual([]);
  });

  it('a stopping worker aborts a long task after the drain and leaves waiting ones to others', async () => {
    const gate = new Gate();
    const worker = await ground.start({ handlers: [gate], workers: 1 });
    const long = await worker.dispatcher.dispatch(gate.task, 'long', { exclusive: [A] });
    const next = await worker.dispatcher.dispatch(gate.task, 'next', { exclusive: [A] });
    await gate.started('long');
    await ground.stop(worker);
    expect(await ground.task(long.id)).toMatchObject({
      state: 'failed',
      error: { reason: 'Aborted during worker shutdown.' },
    });
    expect((await ground.task(next.id)).state).toBe('waiting');
    gate.release('next');
    await ground.start({ handlers: [gate] });
    await ground.until(next.id, 'completed');
  });
});

function spawnWorker(ground: TaskGround): ChildProcess {
  const hooks = join(import.meta.dirname, 'typescript-hooks.mjs');
  const script = join(import.meta.dirname, 'child-worker.ts');
  const words = ['--import', hooks, script, ground.database.url, ground.redis?.url ?? ''];
  return spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
}
