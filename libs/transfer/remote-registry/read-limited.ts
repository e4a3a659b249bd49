import type { Readable } from 'node:stream';
import { brokenOff, overLimit, UpstreamError } from './upstream-error.js';

/** Reads a body into memory, at most `limit` bytes; a body shorter than announced is a transient fault. */
export async function readLimited(
  body: Readable,
  limit: number,
  url: URL,
  contentLength: string | undefined,
): Promise<Buffer> {
  const announced = contentLength === undefined ? undefined : Number(contentLength);
  if (announced !== undefined && announced > limit) {
    body.on('error', () => undefined).destroy();
    throw overLimit(url, `the answer has ${announced} bytes, at most ${limit} are taken`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw overLimit(url, `the answer has more than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    body.on('error', () => undefined).destroy();
    throw error instanceof UpstreamError ? error : brokenOff(url, size, error);
  }
  return Buffer.concat(chunks);
}
