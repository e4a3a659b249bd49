import { Inject } from '@nestjs/common';
import { dropChunkedUpload, keepChunk, receiveFile, type ReceivedFile } from '#content/artifacts/receive-file.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { on, ownedRules } from '../rest/access/rules.js';
import { Context, type RestContext } from '../rest/context.js';
import { badRequest } from '../rest/errors.js';
import { baseFields, derived, time, whole } from '../rest/fields.js';
import { numberFilters } from '../rest/filters/ordered.js';
import { requireKeyOf } from '../rest/keys.js';
import { prnOf } from '../rest/models.js';
import { GetRoute, PostRoute, PutRoute } from '../rest/operation.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';
import { creating } from '../rest/standard/writing.js';
import { deletingAtOnce } from '../rest/standard/writing-at-once.js';
import { insertRow, updateRow } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';
import { UploadBody, UploadChunkBody, UploadCommitBody } from './artifact.body.js';
import { CommitUpload } from './commit-upload.js';

const change = [[on('core.change_upload')], [on('core.view_upload')]];
const RULES = ownedRules('core.upload', 'core.upload_owner');

const CHUNKS_SQL = `coalesce((select json_agg(json_build_object('offset', c.first_byte, 'size', c.size) order by c.first_byte)
  from upload_chunk c where c.upload_id = t.id), '[]')`;
const CHUNKS = {
  type: 'array',
  items: {
    title: 'UploadChunkResponse',
    type: 'object',
    properties: { offset: { type: 'integer' }, size: { type: 'integer' } },
  },
};

const FIELDS = {
  ...baseFields('core.upload'),
  size: whole('t.size', { description: 'The size of the upload in bytes.' }),
  completed: time('t.completed', { nullable: true, description: 'Timestamp when upload is committed.' }),
};
const ABOUT = {
  model: 'core.upload',
  tag: 'Uploads',
  filters: numberFilters('size'),
  ordering: { completed: 't.completed' },
  access: { ...RULES, actions: { ...RULES.actions, commit: change } },
  body: UploadBody,
} as const;

const UPLOADS: Resource = defineResource({ ...ABOUT, schema: 'Upload', fields: FIELDS });
const DETAIL: Resource = defineResource({
  ...ABOUT,
  schema: 'UploadDetail',
  fields: { ...FIELDS, chunks: derived(CHUNKS_SQL, CHUNKS, (chunks: unknown) => chunks) },
});
const DETAIL_SCHEMA = {
  type: 'object',
  properties: Object.fromEntries(Object.entries(DETAIL.fields).map(([name, { schema }]) => [name, schema])),
};

const WRITER = registerWriter({
  resource: UPLOADS,
  create: (tx, columns) => insertRow(tx, 'chunked_upload', columns),
  update: (tx, id, columns) => updateRow(tx, 'chunked_upload', id, columns),
  remove: async (tx, id) => {
    await dropChunkedUpload(tx, id);
    return [{ model: 'core.upload', id }];
  },
});

const WRITING = { writer: WRITER, body: UploadBody, unique: [], columns: ({ size }: UploadBody) => ({ size }) };

/** Files that come in pieces. */
@ResourceController(UPLOADS, LIST, creating(WRITING), deletingAtOnce(WRITER), ROLES)
export class UploadsController extends RestHost {
  constructor(
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    private readonly committing: CommitUpload,
  ) {
    super();
  }

  @GetRoute(':id', {
    action: 'read',
    summary: 'Inspect',
    answers: { 200: { schema: 'UploadDetailResponse', of: DETAIL_SCHEMA } },
  })
  read(@Context() context: RestContext): Promise<object> {
    const id = requireKeyOf(UPLOADS, context.param('id'));
    return this.rest.read(context, DETAIL, (values) => `t.id = ${values.bind(id)}`);
  }

  @PutRoute(':id', {
    action: 'update',
    summary: 'Upload a file chunk',
    body: { schema: 'UploadChunk', of: UploadChunkBody },
    multipart: true,
    headers: [
      {
        name: 'Content-Range',
        description: 'The Content-Range header specifies the location of the chunk.',
        required: true,
      },
    ],
    answers: { 200: 'resource' },
  })
  async update(@Context() context: RestContext): Promise<object> {
    const id = requireKeyOf(UPLOADS, context.param('id'));
    const { size } = (await this.rest.show(UPLOADS, id)) as { size: number };
    const { first, last } = rangeOf(context);
    if (last >= size) throw badRequest(['End byte is greater than upload size.']);
    let received: ReceivedFile | undefined;
    try {
      const { file, sha256 } = await this.rest.form(context, UploadChunkBody, async (bytes) => {
        received = await receiveFile(this.store, bytes, size);
        return received;
      });
      if (file.size !== last - first + 1) throw badRequest(['Chunk size does not match content range.']);
      if (sha256 !== undefined && sha256.toLowerCase() !== file.sums.sha256)
        throw badRequest(['Checksum does not match chunk upload.']);
      await keepChunk(this.rest.source, { uploadId: id, firstByte: first, file });
      received = undefined;
    } finally {
      await received?.staged.discard();
    }
    return this.rest.show(UPLOADS, id);
  }

  @PostRoute(':id/commit', {
    action: 'commit',
    summary: 'Finish an Upload',
    body: { schema: 'UploadCommit', of: UploadCommitBody },
    answers: { 202: 'task' },
  })
  async commit(@Context() context: RestContext) {
    const id = requireKeyOf(UPLOADS, context.param('id'));
    await this.rest.show(UPLOADS, id);
    const { sha256 } = await this.rest.body(context, UploadCommitBody);
    const options = { exclusive: [prnOf('core.upload', id)] };
    return this.rest.dispatch(context, this.committing.task, { uploadId: id, sha256 }, options);
  }
}

function rangeOf({ request }: RestContext): { first: number; last: number } {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(?:\d{1,15}|\*)$/.exec(request.headers['content-range'] ?? '');
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || last < first) throw badRequest(['Invalid or missing content range header.']);
  return { first, last };
}
