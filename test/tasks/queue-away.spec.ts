import { describe, expect, it } from 'vitest';
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
