import { randomBytes } from 'node:crypto';
import { sep } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FoundBlob } from '#content/read/find-manifest.js';
import { MediaType } from '#oci/media-types.js';
import { DomainError } from '#platform/domain-error.js';
import type { BlobStore, ByteRange } from '#storage/blob-store.js';
import { multipartFrame } from '#storage/byte-ranges.js';
import { cutWhenStalled } from '../../stalled-readers.js';
import { sendStored, wholeOf } from '../bytes/send-stored.js';
import { sendEmpty, sendStream } from '../http/answer.js';
import { etagOf, isUnchanged, wantedRanges } from '../http/conditions.js';
import { BLOB_CACHING, setHeaders } from '../http/registry-headers.js';

/** Seconds that a redirect to the store stays good. */
const REDIRECT_SECONDS = 900;

/** Who may send bytes in our place. */
export interface BlobSenders {
  /** The store, to which the client is redirected. */
  readonly redirect: boolean;
  /** A proxy in front of us that marked the request. */
  readonly offload: boolean;
  /** A client that takes no bytes for so long is cut off. */
  readonly stalledMs: number;
}

/** Where the proxy finds the folder of blobs: an internal location. */
const OFFLOAD_ROOT = '/_blobs/';

/** Sends a blob: whole, in part or as 304, unless somebody else is to send it. */
export async function serveBlob(
  store: BlobStore,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  blob: FoundBlob,
  senders: BlobSenders,
): Promise<void> {
  const headers = {
    'Docker-Content-Digest': blob.digest,
    ETag: etagOf(blob.digest),
    'Accept-Ranges': 'bytes',
    'Cache-Control': BLOB_CACHING,
  };
  if (isUnchanged(request, blob.digest)) return sendEmpty(reply, 304, headers);
  const whole = { ...headers, 'Content-Type': MediaType.octetStream, 'Content-Length': blob.size };
  if (request.method === 'HEAD') return sendEmpty(reply, 200, whole);
  const ranges = wantedRanges(request.raw.headers, blob.digest, blob.size);
  if (ranges === 'unsatisfiable') {
    setHeaders(reply.raw, { 'Content-Range': `bytes */${blob.size}` });
    throw new DomainError('range', 'RANGE_INVALID', `The range must lie inside the ${blob.size} bytes of the blob.`);
  }
  const location = senders.offload ? offloadPath(request, store, blob) : undefined;
  if (location)
    return sendEmpty(reply, 200, {
      ...headers,
      'Accept-Ranges': undefined, // the proxy says so itself
      'Content-Type': MediaType.octetStream,
      'X-Accel-Redirect': location,
    });
  const elsewhere = senders.redirect && (await store.redirectUrl?.(blob.digest, blob.size, REDIRECT_SECONDS));
  if (elsewhere) return sendEmpty(reply, 307, { ...headers, Location: elsewhere });
  if (blob.size === 0) return sendEmpty(reply, 200, whole);
  if (ranges !== 'all' && ranges.length > 1) {
    cutWhenStalled(reply.raw, senders.stalledMs);
    return sendParts(store, reply, blob, ranges, headers);
  }
  const range = ranges === 'all' ? wholeOf(blob.size) : ranges[0]!;
  const part = {
    'Content-Length': range.end - range.start + 1,
    'Content-Range': `bytes ${range.start}-${range.end}/${blob.size}`,
  };
  await sendStored(store, blob, range, reply.raw, () => {
    cutWhenStalled(reply.raw, senders.stalledMs);
    setHeaders(reply.raw, ranges === 'all' ? whole : { ...whole, ...part });
    reply.hijack();
    reply.raw.writeHead(ranges === 'all' ? 200 : 206);
  });
}

/** What nginx is told to send (`X-Accel-Redirect`); it takes care of ranges too. */
function offloadPath(request: FastifyRequest, store: BlobStore, blob: FoundBlob): string | undefined {
  if (request.raw.headers['x-accel-offload'] === undefined || blob.size === 0) return undefined;
  const path = store.localPath?.(blob.digest, blob.size);
  return path && OFFLOAD_ROOT + path.split(sep).slice(-3).join('/');
}

function sendParts(
  store: BlobStore,
  reply: FastifyReply,
  blob: FoundBlob,
  ranges: readonly ByteRange[],
  headers: Readonly<Record<string, string>>,
): void {
  const boundary = randomBytes(16).toString('hex');
  const frame = multipartFrame(ranges, blob.size, MediaType.octetStream, boundary);
  const parts = async function* () {
    for (const [at, range] of ranges.entries()) {
      yield Buffer.from(frame.heads[at]!);
      yield* await store.open(blob.digest, range, blob.size);
    }
    yield Buffer.from(frame.tail);
  };
  sendStream(reply, 206, Readable.from(parts(), { objectMode: false }), {
    ...headers,
    'Content-Type': `multipart/byteranges; boundary=${boundary}`,
    'Content-Length': frame.length,
  });
}
