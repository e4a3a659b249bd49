import { describe, expect, it } from 'vitest';
import { inTransaction } from '#platform/database.js';
import { defineTask, type TaskHandler } from '#tasks/define-task.js';
import { BACKENDS, useBackend } from './backends.js';
import { aWhile, Gate } from './gate.js';

const A = '/pulp/api/v3/repositories/container/container/a/';
const B = '/pulp/api/v3/repositories/container/container/b/';

describe.each(BACKENDS)('the order of tasks with a queue in %s', (backend) => {
  const ground = useBackend(backend);

  it('tasks on one resource run one at a time in the order of dispatch', async () => {
    const gate = new Gate();
    const [one, two] = [await ground.start({ handlers: [gate] }), await ground.start({ handlers: [gate] })];
    const keys = Array.from({ length: 12 }, (_, index) => String(index));
    gate.release(...keys);
    const tasks = [];
    for (const [index, key] of keys.entries())
      tasks.push(await (index % 2 ? one : two).dispatcher.dispatch(gate.task, key, { exclusive: [A] }));
    for (const { id } of tasks) await ground.until(id, 'completed');
    expect(gate.events).toEqual(keys.flatMap((key) => [`start ${key}`, `end ${key}`]));
  });

  it('tasks on other resources overtake and run in parallel', async () => {
    const gate = new Gate();
    const { dispatcher } = await ground.start({ handlers: [gate], workers: 3 });
    await dispatcher.dispatch(gate.task, 'a1', { exclusive: [A] });
    await gate.started('a1');
    await dispatcher.dispatch(gate.task, 'a2', { exclusive: [A] });
    await dispatcher.dispatch(gate.task, 'b1', { exclusive: [B] });
    await dispatcher.dispatch(gate.task, 'free', {});
    await gate.started('b1');
    await gate.started('free');
    await aWhile();
    expect(gate.hasStarted('a2')).toBe(false);
    gate.release('a1', 'a2', 'b1', 'free');
    await gate.started('a2');
  });

  it('a process runs no more tasks at once than it was told', async () => {
    const gate = new Gate();
    const { dispatcher } = await ground.start({ handlers: [gate], workers: 2 });
    const tasks = [];
    for (const key of ['1', '2', '3']) tasks.push(await dispatcher.dispatch(gate.task, key));
    await gate.started('1');
    await gate.started('2');
    await aWhile();
    expect(gate.hasStarted('3')).toBe(false);
    gate.release('1', '2', '3');
    for (const { id } of tasks) await ground.until(id, 'completed');
  });

  it('tasks that share a resource run together, and an exclusive one waits for all of them and holds back later ones', async () => {
    const gate = new Gate();
    const { dispatcher } = await ground.start({ handlers: [gate] });
    await dispatcher.dispatch(gate.task, 'reader 1', { shared: [A] });
    await dispatcher.dispatch(gate.task, 'reader 2', { shared: [A] });
    await gate.started('reader 1');
    await gate.started('reader 2');
    const writer = await dispatcher.dispatch(gate.task, 'writer', { exclusive: [A] });
    const late = await dispatcher.dispatch(gate.task, 'late reader', { shared: [A] });
    gate.release('reader 1');
    await aWhile();
    expect(gate.hasStarted('writer')).toBe(false);
    gate.release('reader 2');
    await gate.started('writer');
    await aWhile();
    expect(gate.hasStarted('late reader')).toBe(false);
    gate.release('writer', 'late reader');
    await ground.until(writer.id, 'completed');
    await ground.until(late.id, 'completed');
  });

  it('a task with several resources waits for all of them', async () => {
    const gate = new Gate();
    const { dispatcher } = await ground.start({ handlers: [gate] });
    await dispatcher.dispatch(gate.task, 'a', { exclusive: [A] });
    await dispatcher.dispatch(gate.task, 'b', { exclusive: [B] });
    await dispatcher.dispatch(gate.task, 'both', { exclusive: [A], shared: [B] });
    await gate.started('a');
    await gate.started('b');
    gate.release('a');
    await aWhile();
    expect(gate.hasStarted('both')).toBe(false);
    gate.release('b', 'both');
    await gate.started('both');
  });

  it('many dispatchers and workers at once never run two tasks on one resource together', async () => {
    const busy = new Set<string>();
    const overlaps: string[] = [];
    const handler: TaskHandler<string> = {
      task: defineTask<string>({ name: 'test.overlap' }),
      async run(resource) {
        if (busy.has(resource)) overlaps.push(resource);
        busy.add(resource);
        await new Promise((done) => setTimeout(done, 3));
        busy.delete(resource);
      },
    };
    const processes = await Promise.all([1, 2, 3].map(() => ground.start({ handlers: [handler] })));
    const tasks = await Promise.all(
      Array.from({ length: 60 }, (_, index) => {
        const resource = index % 2 ? A : B;
        const { dispatcher } = processes[index % 3]!;
        return index % 5 === 0
          ? dispatcher.runImmediately(handler, resource, { exclusive: [resource] })
          : dispatcher.dispatch(handler.task, resource, { exclusive: [resource] });
      }),
    );
    for (const { id } of tasks) await ground.until(id, 'completed');
    expect(overlaps).toEqual([]);
    const order: { reserved: string[]; started_at: Date }[] = await ground.database.source.query(
      `select reserved_resources_record as reserved, started_at from task order by position`,
    );
    for (const resource of [A, B]) {
      const starts = order.filter(({ reserved }) => reserved[0] === resource).map(({ started_at }) => +started_at);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
    }
  });

  it('a task that is dispatched first and committed last still goes first', async () => {
    const gate = new Gate();
    gate.release('first', 'second');
    const { dispatcher } = await ground.start({ handlers: [gate] });
    let second: Promise<unknown> = Promise.resolve();
    const wake = await inTransaction(ground.database.source, async (tx) => {
      const first = await dispatcher.dispatchIn(tx, gate.task, 'first', { exclusive: [A] });
      second = dispatcher.dispatch(gate.task, 'second', { exclusive: [A] });
      await aWhile();
      expect(gate.events).toEqual([]);
      return first.wake;
    });
    await wake();
    await second;
    await gate.started('second');
    expect(gate.events.slice(0, 3)).toEqual(['start first', 'end first', 'start second']);
  });

  it('a task whose transaction is rolled back was never there', async () => {
    const gate = new Gate();
    gate.release('gone', 'next');
    const { dispatcher } = await ground.start({ handlers: [gate] });
    const doomed = ground.database.source.transaction(async (tx) => {
      await dispatcher.dispatchIn(tx, gate.task, 'gone', { exclusive: [A] });
      throw new Error('no');
    });
    await expect(doomed).rejects.toThrow('no');
    const next = await dispatcher.dispatch(gate.task, 'next', { exclusive: [A] });
    await ground.until(next.id, 'completed');
    expect(gate.hasStarted('gone')).toBe(false);
  });

  it('the row says what it holds, before and after the end', async () => {
    const gate = new Gate();
    gate.release('x');
    const { dispatcher } = await ground.start({ handlers: [gate] });
    const task = await dispatcher.dispatch(gate.task, 'x', {
      exclusive: [A, A],
      shared: [A, B],
      correlationId: 'cid-1',
    });
    expect((await ground.task(task.id)).reservedResourcesRecord).toEqual([A, `shared:${B}`]);
    const ended = await ground.until(task.id, 'completed');
    expect(ended).toMatchObject({
      reservedResourcesRecord: [A, `shared:${B}`],
      loggingCid: 'cid-1',
      result: 'x',
      error: null,
      attempts: 1,
    });
    expect(+ended.unblockedAt!).toBeLessThanOrEqual(+ended.startedAt!);
    expect(+ended.startedAt!).toBeLessThanOrEqual(+ended.finishedAt!);
    expect(await ground.database.source.query('select * from task_resource')).toEqual([]);
  });
});
