import type { ServerResponse } from 'node:http';
import { parseRegistryPath } from '../http/registry-path.js';
import type { Places } from './places.js';

/**
 * Before the answer to a write leaves, what it may have changed becomes doubtful in this process, so that whoever has the
 * answer finds his change. Writes outside of the registry may change anything.
 */
export function doubtAfterWriting(places: Places, url: string, response: ServerResponse): void {
  const send = response.writeHead.bind(response) as (...parts: unknown[]) => ServerResponse;
  response.writeHead = (...parts: unknown[]) => {
    forget(places, url);
    return send(...parts);
  };
}

function forget(places: Places, url: string): void {
  const question = url.indexOf('?');
  const parsed = parseRegistryPath(question < 0 ? url : url.slice(0, question));
  // Bytes on their way change nothing that is answered here.
  if (parsed?.kind === 'upload' || parsed?.kind === 'upload-start') return;
  if (parsed && 'name' in parsed && !parsed.name.includes('%')) places.doubt(parsed.name);
  else places.doubtAll();
}
