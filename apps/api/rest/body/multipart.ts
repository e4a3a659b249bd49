import type { FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { withBody } from '../errors.js';
import { timelyChunks, type Patience } from './timely-chunks.js';

const MOST_HEADERS = 16 * 1024;
const MOST_FIELD = 64 * 1024;
const MOST_PARTS = 64;
const END_OF_HEADERS = Buffer.from('\r\n\r\n');

/** What becomes of the file of a form while it comes in. */
export type TakeFile<File> = (bytes: AsyncIterable<Buffer>) => Promise<File>;

/** Name of the part that a file is taken from. */
const FILE = 'file';

/**
 * The members of a form as texts, several of one name as a list. The one named `file` is what became of the first file of that
 * name, whatever else has it; other files, and that one where none is taken, are objects, which no member is read from.
 */
export async function readMultipart<File>(
  request: FastifyRequest,
  patience: Patience,
  takeFile?: TakeFile<File>,
): Promise<Record<string, unknown>> {
  const boundary = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(request.headers['content-type'] ?? '');
  if (!boundary || !(request.body instanceof Readable)) throw malformed('Invalid boundary in multipart.');
  const parts = new Parts(timelyChunks(request.body, patience), boundary[1] ?? boundary[2]!);
  try {
    return await readParts(parts, takeFile);
  } finally {
    parts.leave();
  }
}

async function readParts<File>(parts: Parts, takeFile?: TakeFile<File>): Promise<Record<string, unknown>> {
  const members: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  let taken: { file: File } | undefined;
  await parts.begin();
  for (let count = 0; await parts.next(); count += 1) {
    if (count >= MOST_PARTS) throw malformed('The form has too many parts.');
    const { name, isFile } = await parts.headers();
    if (isFile && takeFile && name === FILE) taken ??= { file: await parts.give(takeFile) };
    else if (isFile) members[name] = {};
    else addMember(members, name, (await parts.text(MOST_FIELD)).toString('utf8'));
    await parts.drain();
  }
  return taken ? Object.assign(members, { [FILE]: taken.file }) : members;
}

/** Adds a member to those of a form; several of one name become a list. */
export function addMember(members: Record<string, unknown>, name: string, value: string): void {
  const before = members[name];
  members[name] = before === undefined ? value : [before, value].flat();
}

const malformed = (why: string) =>
  withBody('invalid', { detail: `Multipart form parse error - ${why}` }, 'The form cannot be read.');

/** Reads the parts of a form one after the other, holding no more than a chunk of a file. */
class Parts {
  private buffer = Buffer.from('\r\n');
  private readonly delimiter: Buffer;
  private open: AsyncGenerator<Buffer> | undefined;

  constructor(
    private readonly source: AsyncGenerator<Buffer>,
    boundary: string,
  ) {
    this.delimiter = Buffer.from(`\r\n--${boundary}`);
  }

  /** Passes over what stands before the first part. */
  async begin(): Promise<void> {
    for await (const _chunk of this.until(this.delimiter)) continue;
  }

  /** Goes to the next part; false at the end. */
  async next(): Promise<boolean> {
    while (this.buffer.length < 2) await this.more();
    const mark = this.buffer.subarray(0, 2).toString('latin1');
    if (mark !== '--' && mark !== '\r\n') throw malformed('A boundary is not followed by a line break.');
    this.buffer = this.buffer.subarray(2);
    return mark !== '--';
  }

  /** Name of the part, and whether it is a file. */
  async headers(): Promise<{ name: string; isFile: boolean }> {
    const text = (await this.gather(this.until(END_OF_HEADERS), MOST_HEADERS)).toString('utf8');
    const disposition = /^content-disposition:\s*form-data\b.*$/im.exec(text)?.[0] ?? '';
    const name = /;\s*name="([^"]*)"/i.exec(disposition)?.[1];
    if (name === undefined) throw malformed('A part has no name.');
    this.open = this.until(this.delimiter);
    return { name: name.slice(0, 200), isFile: /;\s*filename\*?=/i.test(disposition) };
  }

  /** Lets somebody take the bytes of the part. Where the form breaks off, that is the error, whatever it makes of it. */
  async give<File>(takeFile: TakeFile<File>): Promise<File> {
    let broken: { error: unknown } | undefined;
    async function* watched(content: AsyncIterable<Buffer>) {
      try {
        yield* content;
      } catch (error) {
        broken = { error };
        throw error;
      }
    }
    try {
      return await takeFile(watched(this.open!));
    } catch (error) {
      throw broken ? broken.error : error;
    }
  }

  /** The part as a whole. */
  text(most: number): Promise<Buffer> {
    return this.gather(this.open!, most);
  }

  /** Passes over what was not read of the part. */
  async drain(): Promise<void> {
    for await (const _chunk of this.open!) continue;
  }

  /** Leaves the rest of the body where it is. */
  leave(): void {
    void this.source.return(undefined);
  }

  private async gather(chunks: AsyncIterable<Buffer>, most: number): Promise<Buffer> {
    const gathered: Buffer[] = [];
    let size = 0;
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > most) throw malformed('A part is too long.');
      gathered.push(chunk);
    }
    return Buffer.concat(gathered);
  }

  private async *until(end: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.buffer.indexOf(end);
      if (at >= 0) {
        const last = this.buffer.subarray(0, at);
        this.buffer = this.buffer.subarray(at + end.length);
        if (last.length > 0) yield last;
        return;
      }
      const safe = this.buffer.length - end.length + 1;
      if (safe > 0) {
        const sure = this.buffer.subarray(0, safe);
        this.buffer = this.buffer.subarray(safe);
        yield sure;
      }
      await this.more();
    }
  }

  private async more(): Promise<void> {
    const { done, value } = await this.source.next();
    if (done) throw malformed('The form ends too early.');
    this.buffer = Buffer.concat([this.buffer, value]);
  }
}
