import { createPostgresBackend, Queue, withBackend, Worker, type Job, type JobsOptions } from 'bullmq';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HallmarkConfig } from './config.js';
import { log } from './logger.js';

/** Where jobs live: Redis when its URL is set, else PostgreSQL, which must be reached without a pooler. */
export interface QueueConnection {
  readonly redisUrl?: string | undefined;
  readonly databaseUrl?: string | undefined;
}

/** A queue of jobs that are ids and nothing else. A job may come twice; whoever runs it must not mind. */
export interface JobQueue {
  add(ids: readonly string[]): Promise<void>;
  /** How many jobs nobody has taken yet. */
  backlog(): Promise<number>;
  close(): Promise<void>;
}

/** Takes jobs from a queue. */
export interface JobConsumer {
  /** Takes no more jobs and waits for those that run. */
  close(): Promise<void>;
}

/** What a consumer does: at most `concurrency` jobs at once. */
export interface ConsumerOptions {
  readonly concurrency: number;
  run(id: string): Promise<void>;
}

/** The place of the jobs that the settings ask for. */
export function queueConnection(config: HallmarkConfig): QueueConnection {
  return config.redisUrl ? { redisUrl: config.redisUrl } : { databaseUrl: config.databaseDirectUrl };
}

interface JobData {
  readonly id: string;
}

const SCHEMA = 'hallmark_queue';
const PREFIX = 'hallmark';
/** A producer has nothing to lose; a Redis that is away must not keep its process from ending. */
const CLOSE_PATIENCE = 3000;
const JOB: JobsOptions = { removeOnComplete: true, removeOnFail: true };
const onPostgres = withBackend(createPostgresBackend);

/** Connects a producer; it is ready when the promise resolves. */
export async function openQueue(name: string, connection: QueueConnection): Promise<JobQueue> {
  const queue = connection.redisUrl
    ? new Queue<JobData>(name, { connection: redis(connection.redisUrl, false), prefix: PREFIX })
    : new onPostgres.Queue<JobData>(name, { connection: postgres(connection, 4) });
  queue.on('error', (error) => log('warn', 'the queue has a problem', { error }));
  await queue.waitUntilReady();
  return {
    async add(ids) {
      const [first] = ids;
      if (first === undefined) return;
      if (ids.length === 1) await queue.add('run', { id: first }, JOB);
      else await queue.addBulk(ids.map((id) => ({ name: 'run', data: { id }, opts: JOB })));
    },
    backlog: () => queue.getWaitingCount(),
    close: () => Promise.race([queue.close(), sleep(CLOSE_PATIENCE, undefined, { ref: false })]),
  };
}

/** Starts to take jobs. */
export async function consumeQueue(
  name: string,
  connection: QueueConnection,
  options: ConsumerOptions,
): Promise<JobConsumer> {
  const process = (job: Job<JobData>) => options.run(job.data.id);
  const shared = { concurrency: options.concurrency, ...JOB_KEEPING };
  const worker = connection.redisUrl
    ? new Worker<JobData>(name, process, { ...shared, connection: redis(connection.redisUrl, true), prefix: PREFIX })
    : new onPostgres.Worker<JobData>(name, process, { ...shared, connection: postgres(connection, 4) });
  worker.on('error', (error) => log('warn', 'the queue has a problem', { error }));
  await worker.waitUntilReady();
  return { close: () => worker.close() };
}

/** A job whose worker died is given to another, which finds out from the row that there is nothing to do. */
const JOB_KEEPING = { removeOnComplete: { count: 0 }, removeOnFail: { count: 0 } };

/** A producer fails at once while Redis is away; a consumer waits for it. */
function redis(url: string, patient: boolean) {
  return patient ? { url, maxRetriesPerRequest: null } : { url, maxRetriesPerRequest: 1 };
}

function postgres(connection: QueueConnection, max: number) {
  if (!connection.databaseUrl) throw new Error('the queue needs REDIS_URL or a database');
  return { connectionString: connection.databaseUrl, schema: SCHEMA, migrate: true, max };
}
