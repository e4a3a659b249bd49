import { describe, expect, it } from 'vitest';
import { conflict } from '#platform/domain-error.js';
import { correlationId } from '#platform/logger.js';
import { defineTask, type TaskContext, type TaskDefinition, type TaskHandler } from '#tasks/define-task.js';
import { BACKENDS, useBackend } from './backends.js';
import { Gate } from './gate.js';

const A = '/pulp/api/v3/repositories/container/container/a/';

function handle<Result>(
  options: Omit<Partial<TaskDefinition>, 'payloadType' | 'resultType'>,
  run: (context: TaskContext) => Promise<Result>,
): TaskHandler<null, Result> {
  return { task: defineTask<null, Result>({ name: 'test.one', ...options }), run: (_payload, context) => run(context) };
}

describe.each(BACKENDS)('the life of a task with a queue in %s', (backend) => {
  const ground = useBackend(backend);

  it('payload, result, correlation id, progress and created resources go through the row', async () => {
    const seen: string[] = [];
    const handler: TaskHandler<{ names: string[] }, { count: number }> = {
      task: defineTask({ name: 'test.all' }),
      async run({ names }, { progress, createdResource }) {
        seen.push(correlationId());
        for (const [index, href] of names.entries()) {
          progress({ code: 'test.names', message: 'Names', done: index + 1, total: names.length });
          createdResource(href);
          createdResource(href);
        }
        progress({ code: 'test.other', message: 'Other', done: 1, state: 'completed', suffix: 'MB' });
        return { count: names.length };
      },
    };
    const { dispatcher, status } = await ground.start({ handlers: [handler] });
    const task = await dispatcher.dispatch(
      handler.task,
      { names: ['/a/', '/b/'] },
      { correlationId: 'abc', createdBy: '7' },
    );
    expect(await ground.until(task.id, 'completed')).toMatchObject({
      name: 'test.all',
      createdBy: '7',
      result: { count: 2 },
      createdResources: ['/a/', '/b/'],
      progressReports: [
        { code: 'test.names', message: 'Names', state: 'completed', done: 2, total: 2, suffix: null },
        { code: 'test.other', message: 'Other', state: 'completed', done: 1, total: null, suffix: 'MB' },
      ],
      worker: status.name,
    });
    expect(seen).toEqual(['abc']);
  });

  it('texts that PostgreSQL does not take, from scripts and peers, keep no task from ending as it did', async () => {
    const ends: TaskHandler<{ fails: boolean }, object> = {
      task: defineTask({ name: 'test.texts' }),
      async run({ fails }, { progress }) {
        progress({ code: 'test.text', message: 'half \ud83c', done: 1, suffix: '\0' });
        if (fails) throw conflict('The script said: a\0b \udf89.', 'SAID');
        return { 'said\0': ['a\0b', '\ud83c', '🎉'] };
      },
    };
    const { dispatcher } = await ground.start({ handlers: [ends] });
    const good = await dispatcher.dispatch(ends.task, { fails: false });
    const bad = await dispatcher.dispatch(ends.task, { fails: true });
    expect(await ground.until(good.id, 'completed')).toMatchObject({
      result: { 'said\ufffd': ['a\ufffdb', '\ufffd', '🎉'] },
      progressReports: [{ message: 'half \ufffd', suffix: '\ufffd' }],
    });
    expect(await ground.until(bad.id, 'failed')).toMatchObject({
      error: { description: 'The script said: a\ufffdb \ufffd.', error_code: 'SAID' },
    });
  });

  it('progress can be read while the task runs, and is written at most four times a second', async () => {
    const handler = handle({}, async ({ progress }) => {
      for (let done = 1; done <= 100; done += 1) {
        progress({ code: 'test.slow', message: 'Slow', done, total: 100 });
        await new Promise((next) => setTimeout(next, 10));
      }
    });
    const { dispatcher } = await ground.start({ handlers: [handler] });
    const { id } = await dispatcher.dispatch(handler.task, null);
    const readings = new Set<number>();
    for (;;) {
      const { state, progressReports } = await ground.task(id);
      if (state === 'completed') break;
      if (progressReports[0]) readings.add(progressReports[0].done);
      await new Promise((next) => setTimeout(next, 5));
    }
    expect(readings.size).toBeGreaterThan(1);
    expect(readings.size).toBeLessThanOrEqual(8);
    expect((await ground.task(id)).progressReports[0]).toMatchObject({ done: 100, state: 'completed' });
  });

  it('a domain error fails the task with its message and is not tried again', async () => {
    let runs = 0;
    const handler = handle({ retries: 3 }, () => {
      runs += 1;
      return Promise.reject(conflict('The name is taken; choose another.', 'TAKEN'));
    });
    const { dispatcher } = await ground.start({ handlers: [handler] });
    const { id } = await dispatcher.dispatch(handler.task, null);
    expect((await ground.until(id, 'failed')).error).toEqual({
      description: 'The name is taken; choose another.',
      traceback: null,
      error_code: 'TAKEN',
    });
    expect(runs).toBe(1);
  });

  it('a failure of infrastructure is tried again as often as the definition says', async () => {
    let runs = 0;
    const handler = handle({ retries: 1 }, () => {
      runs += 1;
      return runs === 1 ? Promise.reject(new Error('connection reset')) : Promise.resolve('fine');
    });
    const { dispatcher } = await ground.start({ handlers: [handler] });
    const good = await dispatcher.dispatch(handler.task, null);
    expect((await ground.until(good.id, 'completed')).result).toBe('fine');

    const hopeless = handle({ name: 'test.hopeless' }, () => Promise.reject(new Error('disk gone')));
    const other = await ground.start({ appType: 'api' });
    const bad = await other.dispatcher.runImmediately(hopeless, null);
    expect(bad).toMatchObject({ state: 'failed', error: { description: 'disk gone' } });
    expect(bad.error).toHaveProperty('traceback', expect.stringContaining('lifecycle.spec'));
  });

  it('a failed task lets the next one start', async () => {
    const gate = new Gate();
    gate.release('next');
    const handler = handle({}, () => Promise.reject(new Error('no')));
    const { dispatcher } = await ground.start({ handlers: [gate, handler] });
    const bad = await dispatcher.dispatch(handler.task, null, { exclusive: [A] });
    const next = await dispatcher.dispatch(gate.task, 'next', { exclusive: [A] });
    await ground.until(next.id, 'completed');
    expect((await ground.task(bad.id)).state).toBe('failed');
  });

  it('a task that nobody knows fails with a sentence that says so', async () => {
    const { dispatcher } = await ground.start({ handlers: [] });
    const { id } = await dispatcher.dispatch(defineTask<null>({ name: 'test.unheard' }), null);
    const { error } = await ground.until(id, 'failed');
    expect(error).toMatchObject({ description: expect.stringContaining('does not know the task test.unheard') });
  });

  it('a task that takes too long is aborted and fails', async () => {
    const gate = new Gate();
    const slow: TaskHandler<string> = {
      task: defineTask({ name: 'test.slow', timeoutSeconds: 0.2 }),
      run: (key, context) => gate.run(key, context),
    };
    const { dispatcher } = await ground.start({ handlers: [slow] });
    const { id } = await dispatcher.dispatch(slow.task, 'x');
    const { error } = await ground.until(id, 'failed');
    expect(error).toMatchObject({ description: expect.stringContaining('longer than the 0.2 seconds') });
  });

  it('an immediate task runs in the process that asks when nothing is in its way', async () => {
    const handler = handle({}, () => Promise.resolve('now'));
    const api = await ground.start({ appType: 'api' });
    const task = await api.dispatcher.runImmediately(handler, null, { exclusive: [A] });
    expect(task).toMatchObject({ state: 'completed', result: 'now', worker: api.status.name, immediate: true });
    expect(await ground.database.source.query('select * from task_resource')).toEqual([]);
  });

  it('an immediate task that is blocked stays for a worker, which runs it when its turn comes', async () => {
    const gate = new Gate();
    const handler = handle({}, () => Promise.resolve('later'));
    const worker = await ground.start({ handlers: [gate, handler] });
    const api = await ground.start({ appType: 'api' });
    await api.dispatcher.dispatch(gate.task, 'first', { exclusive: [A] });
    const task = await api.dispatcher.runImmediately(handler, null, { exclusive: [A] });
    expect(task.state).toBe('waiting');
    await gate.started('first');
    gate.release('first');
    expect(await ground.until(task.id, 'completed')).toMatchObject({ result: 'later', worker: worker.status.name });
  });

  it('an immediate task that takes too long fails with its code', async () => {
    const gate = new Gate();
    const api = await ground.start({ appType: 'api', timings: { immediate: 100 } });
    const task = await api.dispatcher.runImmediately(gate, 'x');
    expect(task).toMatchObject({ state: 'failed', error: { error_code: 'PLP0024' } });
  });
});
