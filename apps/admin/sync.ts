import type { Command } from './command.js';
import { followTask } from './follow-task.js';
import { CLIENT_OPTIONS, type Json, RestClient } from './rest-client.js';

/** Mirrors a remote into a repository and waits for the result. */
export const sync: Command = {
  usage: 'REPOSITORY [options]',
  about: 'Copies what a remote has into a repository (name or href), with its signatures.',
  positionals: [1, 1],
  options: {
    remote: { value: 'NAME', doc: 'Remote, name or href; default: the repository names one.' },
    mirror: { doc: 'Also remove what the remote no longer has.' },
    'signed-only': { doc: 'Leave out what has no signature.' },
    ...CLIENT_OPTIONS,
  },
  async run(words, terminal) {
    const client = RestClient.of(words, terminal);
    const repository = await client.repository(words.positionals[0]!);
    const remote = words.text('remote');
    const { task } = await client.call('POST', `${repository}sync/`, {
      ...(remote === undefined ? {} : { remote: await client.find('remotes/', 'remote', remote) }),
      ...(words.flag('mirror') ? { mirror: true } : {}),
      ...(words.flag('signed-only') ? { signed_only: true } : {}),
    });
    return followTask(client, task as string, terminal, { json: words.flag('json'), told: tellSynced });
  },
};

/** What the task says that a sync brought. */
interface Brought {
  readonly tags?: number;
  readonly changed?: boolean;
  readonly skippedCount?: number;
  readonly signatures?: Readonly<Record<string, number>>;
  readonly refusedSignatures?: readonly string[];
}

function tellSynced(task: Json): string {
  const result = (task['result'] as Brought | null) ?? {};
  const { tags = 0, changed = false, skippedCount = 0, signatures = {}, refusedSignatures = [] } = result;
  const ways = Object.entries(signatures).filter(([, count]) => count > 0);
  const found = ways.map(([way, count]) => `${count} by ${way.replaceAll('_', ' ')}`).join(', ');
  return [
    `Took ${tags} tags; signatures: ${found || 'none'}.${changed ? '' : ' Nothing new.'}`,
    ...(skippedCount > 0 ? [`Left out ${skippedCount} tags, which are not signed.`] : []),
    ...refusedSignatures.map((why) => `A signature did not come: ${why}`),
  ].join('\n');
}
