import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { S3Objects } from './s3-objects.js';

/** A part of an upload that the object store has. */
export interface S3Part {
  readonly etag: string;
  readonly size: number;
}

/** Where an upload session stands: parts at the object store, and the bytes after them that are too few for a part. */
export interface S3SessionState {
  /** Changes with every write, so that a carried hash of other bytes is never taken for that of these. */
  readonly revision: string;
  readonly multipartId: string | undefined;
  readonly parts: readonly S3Part[];
  readonly tail: Buffer;
}

/** Bytes that a state stands for. */
export const bytesOf = ({ parts, tail }: S3SessionState): number =>
  parts.reduce((sum, { size }) => sum + size, 0) + tail.length;

/** A new state with a revision of its own. */
export const stateOf = (multipartId: string | undefined, parts: readonly S3Part[], tail: Buffer): S3SessionState => ({
  revision: randomUUID(),
  multipartId,
  parts: [...parts],
  tail,
});

/** The state object: one line of JSON, then the tail. Every process of the installation can go on from it. */
export async function loadState(objects: S3Objects, key: string): Promise<S3SessionState> {
  const found = await objects.get(key);
  if (found === undefined || found === 'outside') return stateOf(undefined, [], Buffer.alloc(0));
  const bytes = await buffer(found.body);
  const end = bytes.indexOf(0x0a);
  const head = JSON.parse(bytes.toString('utf8', 0, end)) as Omit<S3SessionState, 'tail'>;
  return { ...head, tail: bytes.subarray(end + 1) };
}

/** Writes the state object. */
export async function saveState(objects: S3Objects, key: string, { tail, ...head }: S3SessionState): Promise<void> {
  await objects.put(key, Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), tail]));
}
