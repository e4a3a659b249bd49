import { call } from './content.js';
import type { Server } from './servers.js';

/** Base path of the REST API. */
export const API = '/pulp/api/v3/';

/** A task that has completed. */
export interface Task {
  readonly state: string;
  readonly pulp_created: string;
  readonly started_at: string;
  readonly finished_at: string;
  readonly error: unknown;
}

/** Asks the REST API; `path` below its base or absolute. */
export async function get<T>(server: Server, path: string): Promise<T> {
  return JSON.parse((await call(server, 'GET', absolute(path), [200])).body) as T;
}

/** Sends a body to the REST API: what was made, or the path of the task that does it. */
export async function post(
  server: Server,
  path: string,
  body: unknown,
): Promise<{ readonly pulp_href: string; readonly task: string }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await call(server, 'POST', absolute(path), [201, 202], { body: JSON.stringify(body), headers });
  return JSON.parse(answer.body) as { pulp_href: string; task: string };
}

/** Waits for a task to complete; throws when it does not. */
export async function finished(server: Server, href: string): Promise<Task> {
  for (;;) {
    const task = await get<Task>(server, href);
    if (task.state === 'completed') return task;
    if (['failed', 'canceled'].includes(task.state))
      throw new Error(`the task ${task.state}: ${JSON.stringify(task.error)}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Seconds that a completed task ran. */
export const secondsOf = (task: Task) => (Date.parse(task.finished_at) - Date.parse(task.started_at)) / 1000;

const absolute = (path: string) => (path.startsWith('/') ? path : API + path);
