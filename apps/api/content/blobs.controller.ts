import { constant, text } from '../rest/fields.js';
import { textFilters } from '../rest/filters/text.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { SETTLED_LABELS } from '../rest/standard/labels.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { defineContent } from './content-resource.js';

/** Layers and configs. */
export const BLOBS = defineContent({
  model: 'container.blob',
  kind: 'blob',
  tag: 'Content: Blobs',
  schema: 'container.Blob',
  fields: {
    artifact: constant(null, { type: 'string', format: 'uri', nullable: true }),
    digest: text('t.digest', { description: 'sha256 of the Blob file' }),
  },
  filters: textFilters('digest', 't.digest', ['exact', 'in']),
});

/** Layers and configs. */
@ResourceController(BLOBS, LIST, READ, SETTLED_LABELS)
export class BlobsController extends RestHost {}
