import { Inject } from '@nestjs/common';
import { FILE_SUMS, keepArtifact, receiveFile, type ReceivedFile } from '#content/artifacts/receive-file.js';
import { claimDigest } from '#content/uploads/store-blob.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { conflict } from '#platform/domain-error.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { orphanedFor, versionHolds } from './artifact-filters.js';
import { ArtifactBody } from './artifact.body.js';
import type { AccessRules } from '../rest/access/rules.js';
import { Context, type RestContext } from '../rest/context.js';
import { badField } from '../rest/errors.js';
import { baseFields, constant, text, whole, type Field } from '../rest/fields.js';
import { textFilters } from '../rest/filters/text.js';
import { requireKeyOf } from '../rest/keys.js';
import { DeleteRoute, PostRoute } from '../rest/operation.js';
import { ordersNothing } from '../rest/ordering.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { IN_THE_WAY } from '../rest/standard/writing-at-once.js';
import { LIST, READ } from '../rest/standard/reading.js';

const SHA256 = `case when t.digest like 'sha256:%' then substr(t.digest, 8) end`;
const FILE = `'artifact/' || substr(split_part(t.digest, ':', 2), 1, 2) || '/' || substr(split_part(t.digest, ':', 2), 3)`;
const SUMS: Readonly<Record<string, string>> = {
  sha224: 'a.sha224',
  sha256: SHA256,
  sha384: 'a.sha384',
  sha512: `coalesce(a.sha512, case when t.digest like 'sha512:%' then substr(t.digest, 8) end)`,
};
const nullable = { nullable: true };
const disallowed = (): Field => constant(null, { type: 'string', nullable: true, description: 'Not computed.' });

const RULES: AccessRules = { actions: { delete: 'nobody' } };

/** Stored bytes by their checksums. */
export const ARTIFACTS: Resource = defineResource({
  model: 'core.artifact',
  tag: 'Artifacts',
  schema: 'Artifact',
  from: 'blob t left join artifact a on a.blob_id = t.id',
  fields: {
    ...baseFields('core.artifact'),
    file: text(FILE, { description: 'The stored file.' }),
    size: whole('t.size', { description: 'The size of the file in bytes.' }),
    md5: disallowed(),
    sha1: disallowed(),
    ...Object.fromEntries(FILE_SUMS.map((name) => [name, text(`(${SUMS[name]})`, nullable)])),
  },
  filters: [
    ...['md5', 'sha1'].flatMap((name) => textFilters(name, 'null::text', ['exact', 'in'])),
    ...FILE_SUMS.flatMap((name) => textFilters(name, `(${SUMS[name]})`, ['exact', 'in'])),
    versionHolds,
    orphanedFor,
  ],
  ordering: {
    ...SUMS,
    file: 't.digest',
    sha256: 't.digest',
    timestamp_of_interest: 't.touched_at',
    ...ordersNothing('md5', 'sha1'),
  },
  access: RULES,
  body: ArtifactBody,
});

const UNUSED = `not exists (select 1 from membership m where m.unit_id = t.id)
  and not exists (select 1 from staged s where s.unit_id = t.id)
  and not exists (select 1 from manifest_blob k where k.blob_id = t.id)`;

/** Stored bytes by their checksums. */
@ResourceController(ARTIFACTS, LIST, READ)
export class ArtifactsController extends RestHost {
  constructor(@Inject(BLOB_STORE) private readonly store: BlobStore) {
    super();
  }

  @PostRoute('', {
    action: 'create',
    summary: 'Create',
    body: 'resource',
    multipart: true,
    answers: { 201: 'resource' },
  })
  async create(@Context() context: RestContext): Promise<object> {
    let received: ReceivedFile | undefined;
    try {
      const body = await this.rest.form(context, ArtifactBody, async (bytes) => {
        received = await receiveFile(this.store, bytes, this.rest.config.blobLimit);
        return received;
      });
      requireSums(body);
      const id = await keepArtifact(this.rest.source, body.file);
      received = undefined;
      return await this.rest.show(ARTIFACTS, id);
    } finally {
      await received?.staged.discard();
    }
  }

  @DeleteRoute(':id', {
    action: 'delete',
    summary: 'Delete (deprecated): only what nothing uses, and only when the access policy allows it',
    answers: { 204: 'empty', ...IN_THE_WAY },
  })
  async delete(@Context() context: RestContext): Promise<void> {
    const id = requireKeyOf(ARTIFACTS, context.param('id'));
    await this.rest.show(ARTIFACTS, id);
    await inTransaction(this.rest.source, async (tx) => {
      const [row] = await rowsOf<{ digest: string }>(tx, 'select digest from blob where id = $1', [id]);
      const free = row && (await claimDigest(tx, row.digest));
      const gone = free ? await rowsOf(tx, `delete from blob t where t.id = $1 and ${UNUSED} returning id`, [id]) : [];
      if (gone.length === 0) throw conflict('The Artifact cannot be deleted because it is associated with Content.');
      await this.store.remove(row!.digest);
    });
  }
}

function requireSums({ file, size, ...sums }: ArtifactBody): void {
  if (size !== undefined && size !== file.size)
    throw badField('non_field_errors', `The Artifact has a size of ${file.size} bytes, expected ${size}.`);
  for (const name of FILE_SUMS) {
    const expected = sums[name];
    if (expected !== undefined && expected !== null && expected.toLowerCase() !== file.sums[name])
      throw badField('non_field_errors', `The ${name} checksum did not match: expected ${expected}.`);
  }
}
