import { href, text } from '../rest/fields.js';
import { several, type Filter } from '../rest/filters/filter.js';
import { textFilters } from '../rest/filters/text.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { SETTLED_LABELS } from '../rest/standard/labels.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { defineContent } from './content-resource.js';
import { mediaTypeFilter } from './manifests.controller.js';

const digest: Filter = {
  name: 'digest',
  schema: { type: 'array', items: { type: 'string' } },
  explode: false,
  description: 'Multiple values may be separated by commas.',
  compile: (raw, { values }) =>
    `t.manifest_id in (select c.id from manifest c where c.digest = any(${values.bind(several(raw))}::text[]))`,
};

/** Names for manifests. */
export const TAGS = defineContent({
  model: 'container.tag',
  kind: 'tag',
  tag: 'Content: Tags',
  schema: 'container.Tag',
  fields: {
    name: text('t.name', { description: 'Tag name' }),
    tagged_manifest: href('container.manifest', 't.manifest_id', { description: 'Manifest that is tagged' }),
  },
  filters: [
    ...textFilters('name', 't.name'),
    digest,
    mediaTypeFilter((list) => `t.manifest_id in (select c.id from manifest c where c.media_type = any(${list}))`),
  ],
});

/** Names for manifests. */
@ResourceController(TAGS, LIST, READ, SETTLED_LABELS)
export class TagsController extends RestHost {}
