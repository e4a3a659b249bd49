import { announce } from '#platform/change-feed.js';
import { findUnusable, readTrust } from '#signing/verify/read-trust.js';
import { SUPERUSERS_ONLY } from '../rest/access/rules.js';
import { JsonField, TextField, WholeField } from '../rest/body/fields.js';
import { LabelsField } from '../rest/body/labels.js';
import { anyObject, baseFields, hrefs, labels, text, whole } from '../rest/fields.js';
import { labelSelect } from '../rest/filters/label-select.js';
import { textFilters } from '../rest/filters/text.js';
import { BY_NAME } from '../rest/ordering.js';
import { defineResource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { creating, deleting, updating } from '../rest/standard/writing.js';
import { type Columns, insertRow, updateRow } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';

class TrustPolicyBody {
  @TextField({ max: 255 })
  name: string;

  @JsonField({ object: true, description: 'Trust material, in the form of the verify/ call.' })
  trust: Record<string, unknown>;

  @TextField({
    choices: ['enforce', 'audit'],
    fallback: 'enforce',
    description: 'enforce refuses to serve what fails; audit only tells.',
  })
  mode?: 'enforce' | 'audit';

  @WholeField({ min: 1, max: 100, fallback: 1, description: 'How many signatures by different keys must be verified.' })
  required?: number;

  @LabelsField()
  pulp_labels?: Record<string, string | null>;
}

/** What content must prove before a distribution serves it. */
export const TRUST_POLICIES = defineResource({
  model: 'hallmark.trustpolicy',
  tag: 'Trust Policies',
  schema: 'hallmark.TrustPolicy',
  fields: {
    ...baseFields('hallmark.trustpolicy'),
    name: text('t.name'),
    trust: anyObject('t.trust'),
    mode: text('t.mode'),
    required: whole('t.required'),
    distributions: hrefs(
      'container.containerdistribution',
      'array(select d.id from distribution d where d.trust_policy_id = t.id order by d.base_path)',
      { readOnly: true },
    ),
    pulp_labels: labels(),
  },
  filters: [...textFilters('name', 't.name'), labelSelect()],
  defaultOrder: BY_NAME,
  access: SUPERUSERS_ONLY,
  body: TrustPolicyBody,
});

const WRITER = registerWriter({
  resource: TRUST_POLICIES,
  create: (tx, columns) => insertRow(tx, 'trust_policy', columns),
  async update(tx, id, columns) {
    await updateRow(tx, 'trust_policy', id, columns);
    await announce(tx, 'distributions', id);
  },
  async remove(tx, id) {
    await tx.query('update distribution set trust_policy_id = null where trust_policy_id = $1', [id]);
    await tx.query('delete from trust_policy where id = $1', [id]);
    await announce(tx, 'distributions', id);
    return [{ model: 'hallmark.trustpolicy', id }];
  },
});

function policyColumns(body: TrustPolicyBody): Columns {
  const problem = body.trust === undefined ? undefined : findUnusable(readTrust(body.trust));
  if (problem) throw problem;
  const { name, trust, mode, required, pulp_labels } = body;
  return { name, trust, mode, required, pulp_labels };
}

const WRITING = { writer: WRITER, body: TrustPolicyBody, unique: ['name'], columns: policyColumns };

/** Trust policies: the gate in front of distributions. */
@ResourceController(TRUST_POLICIES, LIST, READ, creating(WRITING), updating(WRITING), deleting())
export class TrustPoliciesController extends RestHost {}
