import { READ_BY_ALL } from '../rest/access/rules.js';
import { baseFields, text } from '../rest/fields.js';
import { textFilters } from '../rest/filters/text.js';
import { BY_NAME } from '../rest/ordering.js';
import { defineResource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';

/** Registered signers. Everybody who may sign must find their hrefs, so everybody who signed in may read them. */
export const SIGNING_SERVICES = defineResource({
  model: 'core.signingservice',
  tag: 'Signing_Services',
  schema: 'SigningService',
  fields: {
    ...baseFields('core.signingservice'),
    name: text('t.name', { description: 'A unique name used to recognize a script.' }),
    public_key: text('t.public_key', {
      description: 'The value of a public key used for the repository verification.',
    }),
    pubkey_fingerprint: text('t.pubkey_fingerprint', { description: 'The fingerprint of the public key.' }),
    script: text('t.script', { description: 'An absolute path to a signing script or executable.' }),
  },
  filters: textFilters('name', 't.name'),
  ordering: {
    name: 't.name',
    public_key: 't.public_key',
    pubkey_fingerprint: 't.pubkey_fingerprint',
    script: 't.script',
  },
  defaultOrder: BY_NAME,
  access: READ_BY_ALL,
});

/** Registered signers; the operator's command makes them. */
@ResourceController(SIGNING_SERVICES, LIST, READ)
export class SigningServicesController extends RestHost {}
