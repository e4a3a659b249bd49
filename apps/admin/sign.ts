import type { Command } from './command.js';
import { followTask } from './follow-task.js';
import { CLIENT_OPTIONS, type Json, RestClient } from './rest-client.js';

/** Signs the images of a repository and waits for the result. */
export const sign: Command = {
  usage: 'REPOSITORY [options]',
  about: 'Signs the images behind the tags of a repository (name or href). Images that are signed already are skipped.',
  positionals: [1, 1],
  options: {
    service: { value: 'NAME', doc: 'Signing service, name or href; default: the repository names one.' },
    tag: { value: 'TAG', multiple: true, doc: 'Only this tag; may be repeated.' },
    'future-base-path': {
      value: 'PATH',
      doc: 'Path in the references, when the repository is not served at just one.',
    },
    force: { doc: 'Sign again what has a valid signature.' },
    'sign-lists': { doc: 'Sign indexes too, not only the images that they list.' },
    ...CLIENT_OPTIONS,
  },
  async run(words, terminal) {
    const client = RestClient.of(words, terminal);
    const repository = await client.repository(words.positionals[0]!);
    const service = words.text('service');
    const path = words.text('future-base-path');
    const body: Json = {
      ...(service === undefined
        ? {}
        : { manifest_signing_service: await client.find('signing-services/', 'signing service', service) }),
      ...(path === undefined ? {} : { future_base_path: path }),
      ...(words.texts('tag').length > 0 ? { tags_list: words.texts('tag') } : {}),
      ...(words.flag('force') ? { force: true } : {}),
      ...(words.flag('sign-lists') ? { sign_lists: true } : {}),
    };
    const { task } = await client.call('POST', `${repository}sign/`, body);
    return followTask(client, task as string, terminal, { json: words.flag('json'), told: tellSigned });
  },
};

function tellSigned(task: Json): string {
  const { signed = 0, skipped = 0 } = (task['result'] as { signed?: number; skipped?: number } | null) ?? {};
  return `${signed} signed, ${skipped} had a valid signature already.`;
}
