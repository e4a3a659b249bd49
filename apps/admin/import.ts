import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type Command, UsageError } from './command.js';
import { countBytes } from './export.js';
import { followTask } from './follow-task.js';
import { CLIENT_OPTIONS, type Json, RestClient } from './rest-client.js';

/** Reads the tar of an OCI image layout into a repository. */
export const importLayout: Command = {
  usage: 'REPOSITORY FILE [options]',
  about: 'Reads the tar of an OCI image layout with its signatures into a repository (name or href), in one version.',
  positionals: [2, 2],
  options: CLIENT_OPTIONS,
  async run(words, terminal) {
    const client = RestClient.of(words, terminal);
    const [name = '', file = ''] = words.positionals;
    const facts = await stat(file).catch(() => undefined);
    if (!facts?.isFile()) throw new UsageError(`There is no file '${file}'.`);
    const repository = await client.repository(name);
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

function tellImported(task: Json): string {
  const counts = Object.entries((task['result'] as Json | null) ?? {}).filter(([, value]) => typeof value === 'number');
  return counts.length === 0
    ? 'Imported.'
    : `Imported: ${counts.map(([what, count]) => `${String(count)} ${what}`).join(', ')}.`;
}
