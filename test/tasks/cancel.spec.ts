import { describe, expect, it } from 'vitest';
import { defineTask, type TaskHandler } from '#tasks/define-task.js';
import { BACKENDS, useBackend } from './backends.js';
import { aWhile, Gate } from './gate.js';

const A = '/pulp/api/v3/repositories/container/container/a/';

describe.each(BACKENDS)('cancelling tasks with a queue in %s', (backend) => {
  const ground = useBackend(backend);

  it('cancelling a waiting task ends it at once and lets those behind it go', async () => {
    const gate = new Gate();
    const { dispatcher } = await ground.start({ handlers: [gate] });
    await dispatcher.dispatch(gate.task, 'reader', { shared: [A] });
    await gate.started('reader');
    const writer = await dispatcher.dispatch(gate.task, 'writer', { exclusive: [A] });
    await dispatcher.dispatch(gate.task, 'reader 2', { shared: [A] });
    const { task, accepted } = await dispatcher.cancel(writer.id);
    expect([task.state, accepted, task.startedAt]).toEqual(['canceled', true, null]);
    expect(task.finishedAt).not.toBeNull();
    await gate.started('reader 2');
    gate.release('reader', 'writer', 'reader 2');
    await aWhile();
    expect(gate.hasStarted('writer')).toBe(false);
  });

  it('cancelling a running task stops it in another process at once', async () => {
    const gate = new Gate();
    await ground.start({ handlers: [gate], timings: { ttl: 60_000 } });
    const api = await ground.start({ appType: 'api' });
    const { id } = await api.dispatcher.dispatch(gate.task, 'x', { exclusive: [A] });
    const next = await api.dispatcher.dispatch(gate.task, 'next', { exclusive: [A] });
    await gate.started('x');
    const since = performance.now();
    const { task, accepted } = await api.dispatcher.cancel(id);
    expect(accepted).toBe(true);
    expect(['canceling', 'canceled']).toContain(task.state);
    expect((await ground.until(id, 'canceled')).error).toBeNull();
    expect(performance.now() - since).toBeLessThan(1000);
    expect(gate.events).not.toContain('end x');
    gate.release('next');
    await ground.until(next.id, 'completed');
  });

  it('a handler that does not hear the cancellation is left behind after the grace', async () => {
    const task = defineTask<null>({ name: 'test.deaf' });
    const handler: TaskHandler<null> = { task, run: () => new Promise<never>(() => undefined) };
    const { dispatcher } = await ground.start({ handlers: [handler], timings: { abortGrace: 100 } });
    const { id } = await dispatcher.dispatch(handler.task, null);
    await ground.until(id, 'running');
    await dispatcher.cancel(id, 'not wanted');
    expect((await ground.until(id, 'canceled')).error).toEqual({ reason: 'not wanted' });
  });

  it('an ended task cannot be cancelled, and an unknown one is not found', async () => {
    const gate = new Gate();
    gate.release('x');
    const { dispatcher } = await ground.start({ handlers: [gate] });
    const { id } = await dispatcher.dispatch(gate.task, 'x');
    await ground.until(id, 'completed');
    const { task, accepted } = await dispatcher.cancel(id);
    expect([task.state, accepted]).toEqual(['completed', false]);
    await expect(dispatcher.cancel('01900000-0000-7000-8000-000000000000')).rejects.toThrow('There is no task');
  });

  it('a group is cancelled as a whole', async () => {
    const gate = new Gate();
    const { dispatcher } = await ground.start({ handlers: [gate] });
    const group = '01900000-0000-7000-8000-000000000001';
    const one = await dispatcher.dispatch(gate.task, '1', { exclusive: [A], group });
    const two = await dispatcher.dispatch(gate.task, '2', { exclusive: [A], group });
    await gate.started('1');
    expect(await dispatcher.cancelGroup(group)).toBe(2);
    await ground.until(one.id, 'canceled');
    await ground.until(two.id, 'canceled');
    expect(gate.hasStarted('2')).toBe(false);
  });
});
