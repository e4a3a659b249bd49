import type { ServerResponse } from 'node:http';
import type { AccessChanges } from '#access/access-changes.js';
import { registryPathOf } from '../http/registry-path.js';
import type { Places } from './places.js';

/** What this process believes of the content and of those who ask for it. */
export interface Beliefs {
  readonly places: Places;
  readonly changes: AccessChanges;
}

/**
 * Before the answer to a write leaves, what it may have changed becomes doubtful in this process, so that whoever has the
 * answer finds his change. Writes outside of the registry may change anything, accounts and their rights too.
 */
export function doubtAfterWriting(beliefs: Beliefs, url: string, response: ServerResponse): void {
  const send = response.writeHead.bind(response) as (...parts: unknown[]) => ServerResponse;
  response.writeHead = (...parts: unknown[]) => {
    const status = Number(parts[0]);
    // What was refused has changed nothing, and nobody may make others wait by asking for it.
    if (status < 400 || status >= 500) forget(beliefs, url);
    return send(...parts);
  };
}

function forget({ places, changes }: Beliefs, url: string): void {
  const parsed = registryPathOf(url);
  // Bytes on their way change nothing that is answered here.
  if (parsed?.kind === 'upload' || parsed?.kind === 'upload-start') return;
  if (parsed && 'name' in parsed && !parsed.name.includes('%')) places.doubt(parsed.name);
  else places.doubtAll();
  if (!parsed) changes.doubtAll();
}
