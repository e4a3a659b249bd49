import 'reflect-metadata';
import { createDataSource } from '#platform/database.js';
import { taskEntities } from '#tasks/entities.js';
import { defineTask } from '#tasks/define-task.js';
import { STEADY, startTaskProcess } from './task-process.js';

// A worker in a process of its own, to be killed: it starts each task and never ends one.
const [databaseUrl = '', redisUrl = ''] = process.argv.slice(2);
const source = await createDataSource({ url: databaseUrl, entities: taskEntities }).initialize();
const stuck = ['test.stuck', 'test.stuck_once'].map((name) => ({
  task: defineTask({ name }),
  run: () => new Promise<never>(() => undefined),
}));
await startTaskProcess({ source, databaseUrl, redisUrl: redisUrl || undefined, handlers: stuck, timings: STEADY });
process.stdout.write('ready\n');
