import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { DomainError, invalid } from '#platform/domain-error.js';
import { continueBody } from './expect-continue.js';

/** The type that stands in for what the client sent, so that no body parser takes the bytes. */
export const RAW_BODY = 'application/x-hallmark-raw';

/** A body that keeps dripping is cut after so many times of being idle. */
const DRIPS = 10;
const pushedTypes = new WeakMap<object, string>();

/** Leaves the body of a request on the socket for whoever reads it later. */
export function keepBodyRaw({ raw }: FastifyRequest): void {
  const { headers } = raw;
  if (headers['content-type'] !== undefined) pushedTypes.set(raw, headers['content-type']);
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined)
    headers['content-type'] = RAW_BODY;
  else delete headers['content-type'];
}

/** The `Content-Type` that the client sent. */
export function pushedContentType({ raw }: FastifyRequest): string | undefined {
  return pushedTypes.get(raw);
}

/** The body as it comes in; the client is told to go on when it waits for that. */
export function bodyStream(request: FastifyRequest): Readable {
  continueBody(request.raw);
  return request.raw;
}

/** Announced bytes of the body; undefined when the client streams without saying. */
export function announcedLength(request: FastifyRequest): number | undefined {
  if (request.raw.headers['transfer-encoding'] !== undefined) return undefined;
  return Number(request.raw.headers['content-length'] ?? 0);
}

/** What a body that is read into memory may be. */
export interface BodyLimits {
  readonly bytes: number;
  /** Without a byte for so long the connection is cut, and after ten times that in any case. */
  readonly idleMs: number;
}

/** The whole body in memory; more bytes than allowed are refused as soon as it is known. */
export async function readBody(request: FastifyRequest, { bytes: limit, idleMs }: BodyLimits): Promise<Buffer> {
  const announced = announcedLength(request);
  if (announced !== undefined && announced > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of withIdleLimit(bodyStream(request) as IncomingMessage, idleMs)) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

async function* withIdleLimit(body: IncomingMessage, idleMs: number): AsyncGenerator<Buffer> {
  const cut = () => body.destroy(new Error('the body came too slowly'));
  const timer = setTimeout(cut, idleMs);
  const whole = setTimeout(cut, DRIPS * idleMs);
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      timer.refresh();
      yield chunk as Buffer;
    }
  } catch (cause) {
    throw new DomainError('invalid', 'SIZE_INVALID', 'The body broke off; send it again.', { cause });
  } finally {
    clearTimeout(timer);
    clearTimeout(whole);
  }
}

const tooLarge = (limit: number) =>
  new DomainError('too-large', 'SIZE_INVALID', `The body is larger than the limit of ${limit} bytes.`, {
    detail: { limit },
  });

/** Refuses bodies that would have to be decoded: a digest is over the bytes as they are sent. */
export function refuseEncodedBody(request: FastifyRequest): void {
  const encoding = request.raw.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw invalid('Send the bytes without Content-Encoding.', 'content-encoding', 'UNSUPPORTED');
}
