import { type Command, UsageError } from './command.js';
import { followTask, progressLine, reasonOf } from './follow-task.js';
import { API, CLIENT_OPTIONS, type Json, RestClient } from './rest-client.js';
import { tableOf } from './table.js';

const ACTIONS: readonly string[] = ['show', 'follow', 'cancel'];

/** Lists tasks, or shows, follows or cancels one. */
export const tasks: Command = {
  usage: '[list | show TASK | follow TASK | cancel TASK] [options]',
  about: 'Lists the newest tasks; TASK is an id or href.',
  positionals: [0, 2],
  options: {
    state: { value: 'STATE', doc: 'list: only waiting, running, completed, failed, canceled, …' },
    limit: { value: 'NUMBER', doc: 'list: so many; default 20.' },
    ...CLIENT_OPTIONS,
  },
  async run(words, terminal) {
    const client = RestClient.of(words, terminal);
    const json = words.flag('json');
    const [action = 'list', task] = words.positionals;
    if (action === 'list') {
      if (task !== undefined) throw new UsageError(`'${task}' is one word too many.`);
      const found = await newest(client, words.text('limit') ?? '20', words.text('state'));
      for (const line of json ? [JSON.stringify(found, undefined, 2)] : tableOf(found.map(rowOf))) terminal.out(line);
      return 0;
    }
    if (!ACTIONS.includes(action)) throw new UsageError(`'${action}' is not ${ACTIONS.join(', ')} or list.`);
    if (task === undefined) throw new UsageError(`'${action}' needs the id or href of a task.`);
    const href = hrefOf(task);
    if (action === 'show') return show(await client.call('GET', href), json, terminal.out.bind(terminal));
    if (action === 'follow') return followTask(client, href, terminal, { json });
    const canceled = await client.call('PATCH', href, { state: 'canceled' });
    terminal.out(json ? JSON.stringify(canceled, undefined, 2) : `The task is ${String(canceled['state'])}.`);
    return 0;
  },
};

/** Nothing else is a task: what has no state would be followed for ever. */
function hrefOf(idOrHref: string): string {
  const id = new RegExp(`^(?:${API}tasks/)?([\\w-]+)/?$`).exec(idOrHref)?.[1];
  if (id === undefined) throw new UsageError(`'${idOrHref}' is not the id or href of a task.`);
  return `${API}tasks/${id}/`;
}

async function newest(client: RestClient, limit: string, state: string | undefined): Promise<Json[]> {
  if (!/^[1-9]\d{0,3}$/.test(limit)) throw new UsageError('--limit is a whole number from 1 to 9999.');
  const query = new URLSearchParams({ limit, ordering: '-pulp_created', ...(state === undefined ? {} : { state }) });
  return (await client.call('GET', `tasks/?${query}`))['results'] as Json[];
}

const rowOf = (task: Json) => [
  String(task['pulp_created']).slice(0, 19),
  String(task['state']),
  String(task['name']).replace(/^.*\.tasks\./, ''),
  String(task['pulp_href']).split('/').at(-2) ?? '',
];

function show(task: Json, json: boolean, out: (line: string) => void): number {
  if (json) out(JSON.stringify(task, undefined, 2));
  else {
    const rows = ['pulp_href', 'name', 'state', 'pulp_created', 'started_at', 'finished_at', 'worker', 'logging_cid'];
    for (const line of tableOf(rows.map((field) => [field, String(task[field] ?? '-')]))) out(line);
    out(progressLine(task));
    if (task['error']) out(reasonOf(task));
    if (task['result']) out(JSON.stringify(task['result'], undefined, 2));
  }
  return task['state'] === 'failed' ? 1 : 0;
}
