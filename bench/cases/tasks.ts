import type { Flags } from '../main.js';
import { finished, post } from '../rest.js';
import { startHallmark } from '../servers.js';
import { startRedis } from '../../test/tasks/redis-server.js';

/** Time from the request of a small task to its end, one after the other, with the queue in PostgreSQL and in Redis. */
export async function taskLatency(flags: Flags): Promise<void> {
  const redis = await startRedis();
  try {
    await smallTasks('PostgreSQL', {}, flags);
    if (redis) await smallTasks('Redis', { REDIS_URL: redis.url }, flags);
  } finally {
    await redis?.stop();
  }
}

async function smallTasks(queue: string, settings: Readonly<Record<string, string>>, flags: Flags): Promise<void> {
  const hallmark = await startHallmark(settings);
  try {
    const { pulp_href: href } = await post(hallmark, 'repositories/container/container/', { name: 'bench-tasks' });
    const took: number[] = [];
    for (let at = 0; at < (flags.count || 50); at += 1) {
      const { task: begun } = await post(hallmark, `${href}add/`, { content_units: [] });
      const task = await finished(hallmark, begun);
      took.push(Date.parse(task.finished_at) - Date.parse(task.pulp_created));
    }
    took.sort((one, other) => one - other);
    const at = (part: number) => took[Math.min(took.length - 1, Math.floor(took.length * part))]!.toFixed(1);
    process.stdout.write(
      `### Small tasks, from request to end, queue in ${queue}\n\nmedian ${at(0.5)} ms, 95th percentile ${at(0.95)} ms of ${took.length}\n\n`,
    );
  } finally {
    await hallmark.stop();
  }
}
