import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { dropChunkedUpload, keepArtifact, receiveFile } from '#content/artifacts/receive-file.js';
import { rowsOf } from '#platform/database.js';
import { invalid, notFound } from '#platform/domain-error.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import { hrefTo } from '../rest/models.js';

/** Which upload is finished, and what it has to be. */
export interface CommitPayload {
  readonly uploadId: string;
  readonly sha256: string;
}

interface Chunk {
  readonly first_byte: number;
  readonly size: number;
  readonly digest: string;
}

const COMMIT = defineTask<CommitPayload, null>({ name: 'pulpcore.app.tasks.upload.commit' });

/** Puts the pieces of an upload together and makes an artifact of them. */
@Injectable()
export class CommitUpload implements TaskHandler<CommitPayload, null> {
  readonly task = COMMIT;

  constructor(
    private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
  ) {}

  async run({ uploadId, sha256 }: CommitPayload, context: TaskContext): Promise<null> {
    const chunks = await this.chunksOf(uploadId);
    const file = await receiveFile(this.store, this.bytesOf(chunks));
    if (file.sums.sha256 !== sha256.toLowerCase()) {
      await file.staged.discard();
      throw invalid(`The sha256 checksum did not match: expected ${sha256}, it is ${file.sums.sha256}.`, 'sha256');
    }
    await keepArtifact(this.source, file, {
      reuse: true,
      fence: context.fence,
      async inCommit(tx, id) {
        await dropChunkedUpload(tx, uploadId);
        context.createdResource(hrefTo('core.artifact', id));
        await context.conclude(tx, null);
      },
    });
    return null;
  }

  private async chunksOf(uploadId: string): Promise<Chunk[]> {
    const [upload] = await rowsOf<{ size: number }>(this.source, 'select size from chunked_upload where id = $1', [
      uploadId,
    ]);
    if (!upload) throw notFound('The upload is gone; begin a new one.');
    const chunks = await rowsOf<Chunk>(
      this.source,
      'select first_byte, size, digest from upload_chunk where upload_id = $1 order by first_byte',
      [uploadId],
    );
    let at = 0;
    for (const { first_byte, size } of chunks) {
      if (first_byte !== at) throw invalid(`The upload has no chunk that begins at byte ${at}.`);
      at += size;
    }
    if (at !== upload.size) throw invalid(`The upload ends at byte ${at}, not at ${upload.size}.`);
    return chunks;
  }

  private async *bytesOf(chunks: readonly Chunk[]): AsyncGenerator<Buffer> {
    for (const { digest, size } of chunks)
      for await (const bytes of await this.store.open(digest, undefined, size)) yield bytes as Buffer;
  }
}
