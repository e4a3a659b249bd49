import type { IncomingHttpHeaders } from 'node:http';
import { MediaType } from '#oci/media-types.js';
import type { ByteRange } from '#storage/blob-store.js';
import { wantedRanges } from '../http/conditions.js';
import type { Answer, FlatHeaders } from './answers.js';

/** What is sent of an answer: everything, or one range of a blob. */
export interface PartOfAnswer {
  readonly status: 200 | 206;
  readonly headers: FlatHeaders;
  readonly range?: ByteRange;
}

/** What a GET wants of an answer; undefined when it wants several parts of a blob, or one that is not there. */
export function partOfAnswer(answer: Answer, headers: IncomingHttpHeaders): PartOfAnswer | undefined {
  const { blobSize } = answer;
  const whole = { status: 200, headers: answer.headers } as const;
  if (headers.range === undefined || blobSize === undefined) return whole;
  const ranges = wantedRanges(headers, answer.digest!, blobSize);
  if (ranges === 'all') return whole;
  if (ranges === 'unsatisfiable' || ranges.length > 1) return undefined;
  const range = ranges[0]!;
  return { status: 206, range, headers: [...answer.unchanged!, ...partHeaders(range, blobSize)] };
}

function partHeaders({ start, end }: ByteRange, size: number): FlatHeaders {
  const length = String(end - start + 1);
  return [
    'Content-Type',
    MediaType.octetStream,
    'Content-Length',
    length,
    'Content-Range',
    `bytes ${start}-${end}/${size}`,
  ];
}

/** The bytes of a part that is in memory; the last one of a range is included. */
export function cut(body: Buffer | string, range: ByteRange | undefined): Buffer | string {
  if (!range) return body;
  const { start, end } = range;
  return typeof body === 'string' ? body.slice(start, end + 1) : body.subarray(start, end + 1);
}
