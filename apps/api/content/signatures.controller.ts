import { rowsOf } from '#platform/database.js';
import { Context, type RestContext } from '../rest/context.js';
import { noMatch } from '../rest/errors.js';
import { anyObject, href, text, whole, derived } from '../rest/fields.js';
import { several, type Filter } from '../rest/filters/filter.js';
import { textFilters } from '../rest/filters/text.js';
import { requireKeyOf } from '../rest/keys.js';
import { hrefTo } from '../rest/models.js';
import { GetRoute } from '../rest/operation.js';
import { ordersNothing } from '../rest/ordering.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { SETTLED_LABELS } from '../rest/standard/labels.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { defineContent } from './content-resource.js';

const nullable = { nullable: true };

const manifest: Filter = {
  name: 'manifest',
  schema: { type: 'array', items: { type: 'string' } },
  explode: false,
  description: 'Digests of the signed manifests, separated by commas.',
  compile: (raw, { values }) => `t.manifest_digest = any(${values.bind(several(raw))}::text[])`,
};

/** Simple signatures have the one type that Pulp knows; others say their format. */
const TYPE = `case t.format when 'simple' then 'atomic' else t.format end`;

/** Signatures of manifests, of every format. Clients take no null for what simple signatures always have. */
export const SIGNATURES = defineContent({
  model: 'container.manifestsignature',
  kind: 'signature',
  tag: 'Content: Signatures',
  schema: 'container.ManifestSignature',
  fields: {
    name: text('t.name', {
      description: 'Signature name in the format of `digest_algo:manifest_digest@random_32_chars`',
    }),
    digest: text('t.digest', { description: 'sha256 of the signature blob' }),
    type: text(TYPE, { description: "Container signature type, e.g. 'atomic'" }),
    key_id: text(`coalesce(t.key_id, '')`, { description: 'Key id; empty where the format has none' }),
    fingerprint: text('t.fingerprint', nullable),
    timestamp: whole('coalesce(t.timestamp, 0)', { description: 'Claimed time of signing; 0 where none is claimed' }),
    creator: text(`coalesce(t.creator, '')`, { description: 'What made it; empty where it does not say' }),
    signed_manifest: derived(
      '(select c.id from manifest c where c.digest = t.manifest_digest)',
      { type: 'string', description: 'Path of the signed manifest; empty when that is not here' },
      (id: string | null) => (id === null ? '' : hrefTo('container.manifest', id)),
    ),
    format: text('t.format', { readOnly: true }),
    scheme: text('t.scheme', { readOnly: true }),
    kind: text('t.kind', { readOnly: true }),
    reference: text('t.reference', { nullable: true, readOnly: true }),
    signing_service: href('core.signingservice', 't.signing_service_id', { nullable: true, readOnly: true }),
    claims: anyObject('t.claims', { readOnly: true }),
    content: derived(
      't.id',
      { type: 'string', format: 'uri' },
      (id: string) => `/pulp/api/v3/content/container/signatures/${id}/content/`,
    ),
  },
  filters: [
    ...textFilters('name', 't.name'),
    ...textFilters('digest', 't.digest', ['exact', 'in']),
    ...textFilters('key_id', 't.key_id', ['exact', 'in']),
    ...textFilters('fingerprint', 't.fingerprint', ['exact', 'in']),
    ...textFilters('format', 't.format', ['exact', 'in']),
    manifest,
  ],
  ordering: {
    type: 't.format',
    key_id: 't.key_id',
    timestamp: 't.timestamp',
    creator: 't.creator',
    ...ordersNothing('data'),
  },
});

/** Signatures of manifests, of every format. */
@ResourceController(SIGNATURES, LIST, READ, SETTLED_LABELS)
export class SignaturesController extends RestHost {
  @GetRoute(':id/content', {
    action: 'content',
    summary: 'The bytes of a signature',
    answers: { 200: { schema: 'SignatureBytes', of: { type: 'string', format: 'binary' } } },
    produces: 'application/octet-stream',
  })
  async content(@Context() context: RestContext): Promise<Buffer> {
    const id = requireKeyOf(SIGNATURES, context.param('id'));
    const [row] = await rowsOf<{ bytes: Buffer }>(this.rest.source, 'select bytes from signature where id = $1', [id]);
    if (!row) throw noMatch(SIGNATURES.noun);
    void context.reply.header('content-type', 'application/octet-stream');
    return row.bytes;
  }
}
