import { setTimeout as sleep } from 'node:timers/promises';
import type { Terminal } from './command.js';
import type { Json, RestClient } from './rest-client.js';

const FINAL: readonly unknown[] = ['completed', 'failed', 'canceled', 'skipped'];

/** Waits for the end of a task, showing its progress to who watches, and gives its last state. */
export async function waitForTask(client: RestClient, href: string, terminal: Terminal): Promise<Json> {
  for (let pause = 50; ; pause = Math.min(pause * 1.5, 1000)) {
    const task = await client.call('GET', href);
    if (FINAL.includes(task['state'])) return task;
    terminal.live?.(progressLine(task));
    await sleep(pause);
  }
}

/** Waits for a task, writes how it ended, and gives the exit code. `told` says in one line what a good end brought. */
export async function followTask(
  client: RestClient,
  href: string,
  terminal: Terminal,
  options: { readonly json: boolean; told?(task: Json): string },
): Promise<number> {
  const task = await waitForTask(client, href, terminal);
  const good = task['state'] === 'completed' || task['state'] === 'skipped';
  if (options.json) terminal.out(JSON.stringify(task, undefined, 2));
  else if (good) {
    terminal.out(options.told?.(task) ?? 'Done.');
    for (const made of (task['created_resources'] as string[] | undefined) ?? []) terminal.out(`Made ${made}`);
  } else terminal.note(`hallmark: the task ${String(task['state'])}: ${reasonOf(task)}`);
  return good ? 0 : 1;
}

/** One line about a running task. */
export function progressLine(task: Json): string {
  const reports = (task['progress_reports'] as Json[] | undefined) ?? [];
  const parts = reports.map(
    ({ message, done, total }) => `${String(message)} ${String(done)}${total == null ? '' : `/${String(total)}`}`,
  );
  return parts.length > 0 ? parts.join(' · ') : `${String(task['state'])} …`;
}

/** Why a task did not complete. */
export function reasonOf(task: Json): string {
  const error = task['error'] as Json | null | undefined;
  return String(error?.['description'] ?? error?.['reason'] ?? 'no reason was given');
}
