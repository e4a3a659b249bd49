import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command, Terminal } from './command.js';
import { CLIENT_OPTIONS, RestClient } from './rest-client.js';

/** Writes a version as a tar of an OCI image layout. */
export const exportLayout: Command = {
  usage: 'REPOSITORY FILE [options]',
  about: 'Writes a repository (name or href) as the tar of an OCI image layout; FILE may be - for stdout.',
  positionals: [2, 2],
  options: {
    version: { value: 'NUMBER', doc: 'This version; default: the newest.' },
    tag: { value: 'TAG', multiple: true, doc: 'Only this tag; may be repeated.' },
    'no-signatures': { doc: 'Leave out signatures.' },
    ...CLIENT_OPTIONS,
  },
  async run(words, terminal) {
    const client = RestClient.of(words, terminal);
    const [name = '', file = ''] = words.positionals;
    const repository = await client.repository(name);
    const number = words.text('version');
    const version =
      number === undefined
        ? ((await client.call('GET', repository))['latest_version_href'] as string)
        : `${repository}versions/${number}/`;
    const query = new URLSearchParams({ signatures: String(!words.flag('no-signatures')) });
    if (words.texts('tag').length > 0) query.set('tags', words.texts('tag').join(','));
    const answer = await client.send('GET', `${version}oci-layout.tar?${query}`);
    const size = await writeBody(answer, file, terminal);
    const told = words.flag('json') ? JSON.stringify({ version, file, size }) : `Wrote ${size} bytes to ${file}.`;
    if (file === '-') terminal.note(told);
    else terminal.out(told);
    return 0;
  },
};

/** The file appears whole or not at all. */
async function writeBody(answer: Response, file: string, terminal: Terminal): Promise<number> {
  const counter = countBytes(Number(answer.headers.get('content-length')) || undefined, terminal);
  const body = Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]);
  if (file === '-') {
    await pipeline(body, counter.stream, process.stdout, { end: false });
    return counter.size();
  }
  const partial = `${file}.partial-${process.pid}`;
  try {
    await pipeline(body, counter.stream, createWriteStream(partial, { flags: 'wx' }));
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
  return counter.size();
}

/** Counts what passes, and shows it to who watches. */
export function countBytes(total: number | undefined, terminal: Terminal) {
  let size = 0;
  let shown = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (Date.now() - shown > 200) {
        shown = Date.now();
        terminal.live?.(`${mebibytes(size)}${total === undefined ? '' : ` of ${mebibytes(total)}`}`);
      }
      done(null, chunk);
    },
  });
  return { stream, size: () => size };
}

const mebibytes = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
