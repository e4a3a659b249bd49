import type { FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { DomainError } from '#platform/domain-error.js';
import { parseStrictJson, StrictJsonError } from '#oci/strict-json.js';
import { badRequest, withBody } from '../errors.js';
import { addMember, readMultipart, type TakeFile } from './multipart.js';
import { timelyChunks, type Patience } from './timely-chunks.js';

/** Largest JSON or form body. */
const LIMIT = 4 * 1024 * 1024;
/** How much of a body that is too large is read and thrown away, so that its sender hears the answer. */
const DRAINED = 16 * LIMIT;
/** Deepest nesting; no body that is meant needs half of it. */
export const DEPTH = 32;

/** Marks the members of a form: texts where JSON has values of other types. */
export const FORM = Symbol('members of a form');

/** The members of a JSON or form body; an empty body has none. Without a byte for `idleMs`, or for twice that in all, it is refused. */
export async function readBody(request: FastifyRequest, idleMs: number): Promise<unknown> {
  const type = mediaType(request);
  const patience = { idleMs, small: true };
  if (type === MULTIPART) return asForm(await readMultipart(request, patience));
  const bytes = await bodyBytes(request.body, patience);
  if (bytes.length === 0) return {};
  if (type === 'application/json' || type.endsWith('+json')) return fromJson(bytes);
  if (type === FORM_TYPE) return asForm(fromForm(bytes));
  throw new DomainError('unsupported', 'MEDIA_TYPE', `Unsupported media type "${type.slice(0, 100)}" in request.`);
}

/** The members of a form; the one named `file` is what became of the file, which may take any time as long as it comes. Bodies of other types have no file. */
export async function readForm<File>(
  request: FastifyRequest,
  idleMs: number,
  takeFile: TakeFile<File>,
): Promise<Record<string, unknown>> {
  if (mediaType(request) === MULTIPART) return asForm(await readMultipart(request, { idleMs }, takeFile));
  const members = ((await readBody(request, idleMs)) ?? {}) as Record<string, unknown>;
  if (members['file'] !== undefined)
    throw badRequest({ file: ['The submitted data was not a file. Check the encoding type on the form.'] });
  return members;
}

const MULTIPART = 'multipart/form-data';
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Media types of bodies. */
export const BODY_TYPES: readonly string[] = ['application/json', FORM_TYPE, MULTIPART];

const mediaType = ({ headers }: FastifyRequest): string =>
  (headers['content-type'] ?? 'application/json').split(';')[0]!.trim().toLowerCase();

const asForm = (members: Record<string, unknown>): Record<string, unknown> => Object.assign(members, { [FORM]: true });

async function bodyBytes(body: unknown, patience: Patience): Promise<Buffer> {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return limited(body);
  if (typeof body === 'string') return limited(Buffer.from(body));
  if (body instanceof Readable) return collect(timelyChunks(body, patience));
  return Buffer.from(JSON.stringify(body));
}

function limited(bytes: Buffer): Buffer {
  if (bytes.length > LIMIT) throw tooLarge();
  return bytes;
}

async function collect(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size <= LIMIT) chunks.push(chunk);
    else if (size > DRAINED) break;
  }
  if (size > LIMIT) throw tooLarge();
  return Buffer.concat(chunks);
}

const tooLarge = () => new DomainError('too-large', 'TOO_LARGE', `The body may have at most ${LIMIT} bytes.`);

function fromJson(bytes: Buffer): unknown {
  try {
    return parseStrictJson(bytes, { depth: DEPTH });
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    throw withBody('invalid', { detail: `JSON parse error - ${error.message}` }, error.message);
  }
}

function fromForm(bytes: Buffer): Record<string, unknown> {
  const members: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of new URLSearchParams(bytes.toString('utf8'))) addMember(members, name, value);
  return members;
}
