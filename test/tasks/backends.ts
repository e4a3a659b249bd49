import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { configureLogging } from '#platform/logger.js';
import { Task, type TaskState } from '#tasks/task.entity.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { lacking } from '../real-clients.js';
import { startRedis, type RedisServer } from './redis-server.js';
import { QUICK, startTaskProcess, type TaskProcess, type TaskProcessOptions } from './task-process.js';

/** Both places where the queue may live. */
export const BACKENDS = ['PostgreSQL', 'Redis'] as const;
/** A place where the queue may live. */
export type Backend = (typeof BACKENDS)[number];

type StartOptions = Partial<Omit<TaskProcessOptions, 'source' | 'databaseUrl'>>;

/** A database, a queue, and the processes that one test starts on them. */
export class TaskGround {
  database: TestDatabase;
  redis: RedisServer | undefined;
  private processes: TaskProcess[] = [];

  /** Starts a process with quick timings; it is closed after the test. */
  async start(options: StartOptions = {}): Promise<TaskProcess> {
    const process = await startTaskProcess({
      source: this.database.source,
      databaseUrl: this.database.url,
      redisUrl: this.redis?.url,
      ...options,
      timings: { ...QUICK, ...options.timings },
    });
    this.processes.push(process);
    return process;
  }

  /** Ends a process before the test does. */
  async stop(process: TaskProcess): Promise<void> {
    this.processes = this.processes.filter((each) => each !== process);
    await process.close();
  }

  task(id: string): Promise<Task> {
    return this.database.source.manager.findOneByOrFail(Task, { id });
  }

  /** The row once it is in one of the states. */
  async until(id: string, ...states: TaskState[]): Promise<Task> {
    for (const end = Date.now() + 20_000; ;) {
      const task = await this.task(id);
      if (states.includes(task.state)) return task;
      if (Date.now() > end) throw new Error(`task is ${task.state}, not ${states.join(' or ')}`);
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  async reset(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.close()));
    this.processes = [];
    await this.database.source.query('truncate task, task_resource, task_group, task_schedule, app_status');
  }
}

/** Prepares the ground for the tests of a `describe` block on one backend. */
export function useBackend(backend: Backend): TaskGround {
  const ground = new TaskGround();
  beforeAll(async () => {
    configureLogging('silent', 'json');
    ground.database = await createTestDatabase();
    if (backend === 'Redis') ground.redis = await startRedis();
  });
  beforeEach((context) => {
    if (backend === 'PostgreSQL' || ground.redis) return;
    lacking(context, 'redis-server is missing: apt-get install redis-server');
  });
  afterEach(() => ground.reset());
  afterAll(async () => {
    await ground.database.drop();
    await ground.redis?.stop();
  });
  return ground;
}
