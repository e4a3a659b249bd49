import { createPostgresBackend, Queue, withBackend, Worker, type Job, type JobsOptions } from 'bullmq';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HallmarkConfig } from './config.js';
import { unavailable } from './domain-error.js';
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
/** How long a start waits for Redis. */
const START_PATIENCE = 3000;
const JOB: JobsOptions = { removeOnComplete: true, removeOnFail: true };
const onPostgres = withBackend(createPostgresBackend);

/**
 * Connects a producer. A Redis that is away is waited for in the background: until it is there, what is asked of the queue
 * fails at once.
 */
export async function openQueue(name: string, connection: QueueConnection): Promise<JobQueue> {
  const queue = connection.redisUrl
    ? new Queue<JobData>(name, { connection: redis(connection.redisUrl, false), prefix: PREFIX })
    : new onPostgres.Queue<JobData>(name, { connection: postgres(connection, 4) });
  queue.on('error', (error) => log('warn', 'the queue has a problem', { error }));
  const isReady = await whenReady(queue, connection);
  const ready = () => {
    if (!isReady()) throw unavailable('The queue does not answer; see REDIS_URL.');
    return queue;
  };
  return {
    async add(ids) {
      const [first] = ids;
      if (first === undefined) return;
      if (ids.length === 1) await ready().add('run', { id: first }, JOB);
      else await ready().addBulk(ids.map((id) => ({ name: 'run', data: { id }, opts: JOB })));
    },
    backlog: async () => ready().getWaitingCount(),
    close: () => closeSoon(queue),
  };
}

/** Starts to take jobs, as soon as there is a Redis when that is away. */
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
  const isReady = await whenReady(worker, connection);
  return { close: () => (isReady() ? worker.close() : closeSoon(worker)) };
}

/** A part of the queue that connects by itself. */
interface Connecting {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Waits until a part is connected, for a Redis no longer than {@link START_PATIENCE}: a process can do its work without,
 * and `/readyz` shows that the queue is away. Returns whether it is connected.
 */
async function whenReady(part: Connecting, { redisUrl }: QueueConnection): Promise<() => boolean> {
  let isReady = false;
  const connected = part.waitUntilReady().then(() => {
    isReady = true;
  });
  if (!redisUrl) {
    await connected;
    return () => isReady;
  }
  await Promise.race([connected, sleep(START_PATIENCE, undefined, { ref: false })]);
  if (!isReady) {
    log('warn', 'Redis does not answer, see REDIS_URL; the process starts all the same, and tasks when Redis is there');
    connected.catch((error: unknown) => log('error', 'the queue cannot be used', { error }));
  }
  return () => isReady;
}

const closeSoon = (part: Connecting): Promise<void> =>
  Promise.race([part.close(), sleep(CLOSE_PATIENCE, undefined, { ref: false })]);

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
