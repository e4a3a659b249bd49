import { flag, href, hrefs, text, textMap, whole } from '../rest/fields.js';
import { flagFilter } from '../rest/filters/ordered.js';
import { textFilters } from '../rest/filters/text.js';
import type { Filter } from '../rest/filters/filter.js';
import { ordersNothing } from '../rest/ordering.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { SETTLED_LABELS } from '../rest/standard/labels.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { defineContent } from './content-resource.js';

const nullable = { nullable: true };

/** Media types, the parameter repeated for several. */
export const mediaTypeFilter = (condition: (list: string) => string): Filter => ({
  name: 'media_type',
  schema: { type: 'array', items: { type: 'string' } },
  compile: (raw, { values }) => condition(`${values.bind(raw)}::text[]`),
});

/** Images, indexes and artifacts. */
export const MANIFESTS = defineContent({
  model: 'container.manifest',
  kind: 'manifest',
  tag: 'Content: Manifests',
  schema: 'container.Manifest',
  fields: {
    digest: text('t.digest', { description: 'sha256 of the Manifest file' }),
    schema_version: whole('t.schema_version'),
    media_type: text('t.media_type'),
    listed_manifests: hrefs(
      'container.manifest',
      'array(select c.child_id from manifest_child c where c.manifest_id = t.id order by c.position)',
    ),
    config_blob: href('container.blob', 't.config_blob_id', nullable),
    blobs: hrefs(
      'container.blob',
      'array(select b.blob_id from manifest_blob b where b.manifest_id = t.id and b.position >= 0 order by b.position)',
    ),
    annotations: textMap('t.annotations', { readOnly: true }),
    labels: textMap('t.labels', { readOnly: true }),
    is_bootable: flag(`t.type = 'bootable'`),
    is_flatpak: flag(`t.type = 'flatpak'`),
    type: text('t.type', nullable),
    architecture: text('t.architecture', nullable),
    os: text('t.os', nullable),
    compressed_image_size: whole('t.compressed_image_size', nullable),
    artifact_type: text('t.artifact_type', nullable),
    subject_digest: text('t.subject_digest', nullable),
  },
  filters: [
    ...textFilters('digest', 't.digest', ['exact', 'in']),
    mediaTypeFilter((list) => `t.media_type = any(${list})`),
    flagFilter('is_bootable', `t.type = 'bootable'`),
    flagFilter('is_flatpak', `t.type = 'flatpak'`),
  ],
  ordering: { is_bootable: `t.type = 'bootable'`, is_flatpak: `t.type = 'flatpak'`, ...ordersNothing('data') },
});

/** Images, indexes and artifacts. */
@ResourceController(MANIFESTS, LIST, READ, SETTLED_LABELS)
export class ManifestsController extends RestHost {}
