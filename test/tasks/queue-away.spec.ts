import { describe, expect, it } from 'vitest';
import { TaskQueue } from '#tasks/task-queue.js';
import { useBackend } from './backends.js';
import { Gate } from './gate.js';
import { startRedis } from './redis-server.js';

describe('tasks while Redis is away', () => {
  const ground = useBackend('Redis');

  it('G10 a dispatch succeeds all the same, and the task runs when Redis is back, with all its data lost', async () => {
    const gate = new Gate();
    gate.release('before', 'meanwhile', 'after');
    const { dispatcher } = await ground.start({ handlers: [gate] });
    const before = await dispatcher.dispatch(gate.task, 'before');
    await ground.until(before.id, 'completed');

    const port = Number(new URL(ground.redis!.url).port);
    await ground.redis!.stop();
    const since = performance.now();
    const meanwhile = await dispatcher.dispatch(gate.task, 'meanwhile');
    expect(performance.now() - since).toBeLessThan(3000);
    expect((await ground.task(meanwhile.id)).state).toBe('waiting');

    ground.redis = await startRedis(port);
    await ground.until(meanwhile.id, 'completed');
    const after = await dispatcher.dispatch(gate.task, 'after');
    await ground.until(after.id, 'completed');
  });

  it('a process starts without it, runs immediate tasks, says that the queue is away, and takes tasks when it is back', async () => {
    const port = Number(new URL(ground.redis!.url).port);
    await ground.redis!.stop();
    const gate = new Gate();
    gate.release('now', 'later');
    const { dispatcher, app, sweeper } = await ground.start({ handlers: [gate] });
    await expect(app.get(TaskQueue).backlog()).rejects.toMatchObject({ kind: 'unavailable' });
    expect((await dispatcher.runImmediately(gate, 'now')).state).toBe('completed');
    const later = await dispatcher.dispatch(gate.task, 'later');
    expect((await ground.task(later.id)).state).toBe('waiting');
    ground.redis = await startRedis(port);
    await ground.until(later.id, 'completed');
    expect(await app.get(TaskQueue).backlog()).toBe(0);
    await sweeper.sweep();
  });

  it('a process that never saw it ends all the same', async () => {
    const port = Number(new URL(ground.redis!.url).port);
    await ground.redis!.stop();
    await ground.stop(await ground.start({ handlers: [new Gate()] }));
    expect(await ground.database.source.query('select * from app_status')).toEqual([]);
    ground.redis = await startRedis(port);
  });

  it('immediate tasks need no queue', async () => {
    const gate = new Gate();
    gate.release('now');
    const api = await ground.start({ appType: 'api' });
    const port = Number(new URL(ground.redis!.url).port);
    await ground.redis!.stop();
    expect((await api.dispatcher.runImmediately(gate, 'now')).state).toBe('completed');
    ground.redis = await startRedis(port);
  });
});
