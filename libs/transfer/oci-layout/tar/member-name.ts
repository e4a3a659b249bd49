import { refused, shown } from './refusal.js';

const LONGEST = 1024;

/**
 * The one spelling of a member's name: no leading `./`, no trailing `/`, no `.` parts; empty for the root folder. Absolute
 * names, `..`, empty parts, backslashes, control characters and what is not UTF-8 are refused.
 */
export function memberName(raw: Buffer): string {
  const name = decode(raw);
  if (name.length > LONGEST) throw refused(`A name in the archive is longer than ${LONGEST} characters.`);
  if (name.startsWith('/'))
    throw refused(`The archive has the absolute name ${shown(name)}; make it with relative names.`);
  const parts = name.replace(/\/$/, '').split('/');
  if (parts.includes('..')) throw refused(`The archive has the name ${shown(name)}, which leaves its folder.`);
  if (parts.length > 1 && parts.includes('')) throw refused(`The archive has the malformed name ${shown(name)}.`);
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f\\]/.test(name)) throw refused(`The archive has the malformed name ${shown(name)}.`);
  if (name === '') throw refused('The archive has a member without a name.');
  return parts.filter((part) => part !== '.').join('/');
}

/** The names of an archive, each only once; a folder may be named again, but not as a file. */
export class MemberNames {
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();

  addFile(name: string): void {
    if (name === '' || this.#files.has(name) || this.#folders.has(name))
      throw refused(`The archive has ${shown(name)} twice; make it again from one folder.`);
    this.#files.add(name);
    this.#addParents(name);
  }

  addFolder(name: string): void {
    if (this.#files.has(name)) throw refused(`The archive has ${shown(name)} as a file and as a folder.`);
    this.#folders.add(name);
    this.#addParents(name);
  }

  #addParents(name: string): void {
    for (let end = name.lastIndexOf('/'); end > 0; end = name.lastIndexOf('/', end - 1)) {
      const folder = name.slice(0, end);
      if (this.#files.has(folder)) throw refused(`The archive has ${shown(folder)} as a file and as a folder.`);
      if (this.#folders.has(folder)) return;
      this.#folders.add(folder);
    }
  }
}

function decode(raw: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw refused('The archive has a name that is not UTF-8.');
  }
}
