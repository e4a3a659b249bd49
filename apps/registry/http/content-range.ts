import type { FastifyRequest } from 'fastify';
import { DomainError, invalid } from '#platform/domain-error.js';
import type { Chunk } from '#content/uploads/receive-blob.js';
import { announcedLength, bodyStream } from './request-body.js';

/**
 * The part of a blob that a request carries, as its headers say: `Content-Range: <start>-<end>` without a unit, and
 * `Content-Length`. The stream is not touched before it is read.
 */
export function chunkOf(request: FastifyRequest): Chunk {
  const announced = announcedLength(request);
  const range = contentRange(request.raw.headers['content-range']);
  const length = range ? range.end - range.start + 1 : announced;
  if (range && announced !== undefined && announced !== length)
    throw invalid(
      `Content-Range speaks of ${length} bytes and Content-Length of ${announced}.`,
      'content-range',
      'SIZE_INVALID',
    );
  return {
    get bytes() {
      return bodyStream(request);
    },
    length,
    ...(range ? { start: range.start } : {}),
  };
}

function contentRange(header: string | undefined): { start: number; end: number } | undefined {
  if (header === undefined) return undefined;
  const match = /^(?:bytes[ =])?(\d{1,20})-(\d{1,20})(?:\/(?:\d{1,20}|\*))?$/.exec(header.trim());
  const [start, end] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || !Number.isSafeInteger(start) || !Number.isSafeInteger(end) || end < start)
    throw new DomainError(
      'range',
      'BLOB_UPLOAD_INVALID',
      'Content-Range must be <start>-<end> with the first and last byte of the chunk.',
    );
  return { start, end };
}
