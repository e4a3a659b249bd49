import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type Command, type Terminal, UsageError } from './command.js';
import { countBytes } from './export.js';
import { followTask, reasonOf, waitForTask } from './follow-task.js';
import { CLIENT_OPTIONS, type Json, RestClient, ServerError } from './rest-client.js';

/** Reads the tar of an OCI image layout into a repository. */
export const importLayout: Command = {
  usage: 'REPOSITORY FILE [options]',
  about:
    'Reads the tar of an OCI image layout with its signatures into a repository (name or href), in one version. A name that is not there yet is made, and served under that path.',
  positionals: [2, 2],
  options: CLIENT_OPTIONS,
  async run(words, terminal) {
    const client = RestClient.of(words, terminal);
    const [name = '', file = ''] = words.positionals;
    const facts = await stat(file).catch(() => undefined);
    if (!facts) throw new UsageError(`There is no file '${file}'.`);
    if (!facts.isFile()) throw new UsageError(`'${file}' is no file; an archive of a layout is wanted.`);
    const repository = await openRepository(client, name, terminal);
    const body = createReadStream(file).compose(countBytes(facts.size, terminal).stream) as Readable;
    const answer = await client.send('POST', `${repository}import/`, {
      body: Readable.toWeb(body) as ReadableStream,
      headers: { 'Content-Type': 'application/x-tar', 'Content-Length': String(facts.size) },
      duplex: 'half',
    });
    const { task } = (await answer.json()) as { task: string };
    return followTask(client, task, terminal, { json: words.flag('json'), told: tellImported });
  },
};

/** The repository of a name; a site that does not have it yet gets it, with a distribution that serves it. */
async function openRepository(client: RestClient, name: string, terminal: Terminal): Promise<string> {
  if (name.startsWith('/')) return name;
  const { count } = await client.call('GET', `repositories/?name=${encodeURIComponent(name)}`);
  if (count !== 0) return client.repository(name);
  const made = await client.call('POST', 'repositories/container/container/', { name });
  const repository = made['pulp_href'] as string;
  const wanted = { name, base_path: name, repository };
  const { task } = await client.call('POST', 'distributions/container/container/', wanted);
  const ended = await waitForTask(client, task as string, terminal);
  if (ended['state'] !== 'completed') throw new ServerError(`'${name}' cannot be served: ${reasonOf(ended)}`);
  terminal.note(`Made the repository '${name}'.`);
  return repository;
}

function tellImported(task: Json): string {
  const { version: _number, ...result } = (task['result'] as Json | null) ?? {};
  const counts = Object.entries(result).filter(([, value]) => typeof value === 'number');
  return counts.length === 0
    ? 'Imported.'
    : `Imported: ${counts.map(([what, count]) => `${String(count)} ${what}`).join(', ')}.`;
}
