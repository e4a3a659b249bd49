import type { Readable } from 'node:stream';
import { algorithmOf, digestOf, type Digest, type DigestAlgorithm } from '#oci/digest.js';
import { unavailable } from '#platform/domain-error.js';
import type { AppendLimits, StagedBytes } from './blob-store.js';
import { digestOfStream } from './digest-of-stream.js';
import { expectErrors, gatherChunks, gatherOptions } from './gathered-chunks.js';
import type { S3Keys } from './s3-keys.js';
import type { S3Objects } from './s3-objects.js';
import { S3PartWriter } from './s3-part-writer.js';
import { bytesOf, loadState, saveState, type S3SessionState } from './s3-session-state.js';
import { BlockDigest } from './block-digest.js';
import type { SessionTurns } from './session-turns.js';
import { checkedDigest, cutOff, digestDiffers, wrongOffset } from './storage-errors.js';

/** The bytes of an upload session as parts of an object under the session's key, copied to the digest's key at the commit. */
export class S3StagedBytes implements StagedBytes {
  readonly #keys: { data: string; state: string };
  #held: S3SessionState | undefined;

  constructor(
    private readonly uploadId: string,
    private readonly keys: S3Keys,
    private readonly objects: S3Objects,
    private readonly turns: SessionTurns,
  ) {
    this.#keys = keys.upload(uploadId);
  }

  async offset(): Promise<number> {
    return bytesOf(await this.#load());
  }

  append(at: number, bytes: Readable, limits: AppendLimits = {}): Promise<number> {
    expectErrors(bytes);
    return this.turns.alone(this.uploadId, async () => {
      const before = await this.#load();
      const offset = bytesOf(before);
      if (at !== offset) throw wrongOffset(at, offset);
      const running =
        offset === 0 ? new BlockDigest(limits.algorithm) : this.turns.take(this.uploadId, before.revision);
      const writer = new S3PartWriter(this.objects, this.#keys, before);
      const { broken } = await gatherChunks(bytes, gatherOptions(offset, limits), writer, running);
      const after = await writer.settled();
      this.#held = limits.closing && !broken ? after : undefined;
      if (!this.#held) await saveState(this.objects, this.#keys.state, after);
      if (running) this.turns.keep(this.uploadId, { running, mark: after.revision });
      if (broken) throw cutOff(bytesOf(after), broken.error);
      return bytesOf(after);
    });
  }

  digest(algorithm: DigestAlgorithm): Promise<Digest> {
    return this.turns.alone(this.uploadId, async () => {
      const state = await this.#load();
      const carried = this.turns.take(this.uploadId, state.revision);
      if (carried?.algorithm === algorithm && carried.bytes === bytesOf(state)) {
        this.turns.keep(this.uploadId, { running: carried, mark: state.revision });
        return carried.digest();
      }
      if (state.parts.length === 0) return digestOf(state.tail, algorithm);
      await this.#complete(state, bytesOf(state));
      return this.#read(algorithm);
    });
  }

  async commit(digest: Digest): Promise<number> {
    checkedDigest(digest);
    return this.turns.alone(this.uploadId, async () => {
      const state = await this.#load();
      const size = bytesOf(state);
      const carried = this.turns.take(this.uploadId, state.revision);
      const known =
        carried?.algorithm === algorithmOf(digest) && carried.bytes === size ? await carried.digest() : undefined;
      if (known !== undefined) await this.#check(digest, known);
      if (state.parts.length === 0) await this.#commitSmall(digest, state.tail, known);
      else await this.#commitParts(digest, state, size, known);
      await this.#finish(state);
      return size;
    });
  }

  discard(): Promise<void> {
    return this.turns.alone(this.uploadId, () => this.#drop());
  }

  async #commitSmall(digest: Digest, bytes: Buffer, known: Digest | undefined): Promise<void> {
    if (known === undefined) await this.#check(digest, digestOf(bytes, algorithmOf(digest)));
    await this.objects.putUnlessThere(this.keys.blob(digest), bytes);
  }

  async #commitParts(digest: Digest, state: S3SessionState, size: number, known: Digest | undefined): Promise<void> {
    const key = this.keys.blob(digest);
    if (known !== undefined && (await this.objects.size(key)) === size) return;
    await this.#complete(state, size);
    if (known === undefined) await this.#check(digest, await this.#read(algorithmOf(digest)));
    if ((await this.objects.size(key)) !== size) await this.objects.copy(this.#keys.data, key, size);
  }

  async #complete(state: S3SessionState, size: number): Promise<void> {
    if ((await this.objects.size(this.#keys.data)) === size) return;
    const writer = new S3PartWriter(this.objects, this.#keys, state);
    await writer.last();
    const { multipartId, parts } = await writer.settled();
    const etags = parts.map(({ etag }) => etag);
    if (multipartId && (await this.objects.completeParts(this.#keys.data, multipartId, etags))) return;
    if ((await this.objects.size(this.#keys.data)) !== size)
      throw unavailable('The object store has lost parts of this upload; start it anew.');
  }

  async #read(algorithm: DigestAlgorithm): Promise<Digest> {
    const found = await this.objects.get(this.#keys.data);
    if (found === undefined || found === 'outside') throw unavailable('The object store has lost this upload.');
    const digest = await digestOfStream(found.body, algorithm);
    return digest.digest();
  }

  async #check(expected: Digest, actual: Digest): Promise<void> {
    if (expected === actual) return;
    await this.#drop();
    throw digestDiffers(expected, actual);
  }

  async #finish(state: S3SessionState): Promise<void> {
    const saved = this.#held === undefined || state.multipartId !== undefined;
    this.#held = undefined;
    if (state.multipartId !== undefined) {
      await this.objects.abortParts(this.#keys.data, state.multipartId);
      await this.objects.remove(this.#keys.data);
    }
    if (saved) await this.objects.remove(this.#keys.state);
  }

  async #drop(): Promise<void> {
    this.turns.forget(this.uploadId);
    this.#held = undefined;
    const unfinished = await this.objects.listUnfinished(this.#keys.data);
    await Promise.all([
      ...unfinished.map(({ key, id }) => this.objects.abortParts(key, id)),
      this.objects.remove(this.#keys.data),
    ]);
    await this.objects.remove(this.#keys.state);
  }

  async #load(): Promise<S3SessionState> {
    return this.#held ?? loadState(this.objects, this.#keys.state);
  }
}
