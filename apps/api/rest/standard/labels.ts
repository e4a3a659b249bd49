import { rowsOf } from '#platform/database.js';
import { TextField, unstorable } from '../body/fields.js';
import { bodyField } from '../body/body-field.js';
import { labelProblem } from '../body/labels.js';
import type { RestContext } from '../context.js';
import { badField, badRequest, noMatch } from '../errors.js';
import { requireKeyOf } from '../keys.js';
import { MODELS } from '../models.js';
import { PostRoute } from '../operation.js';
import type { Resource } from '../resource.js';
import type { StandardRoute } from '../rest-controller.js';
import type { Rest } from '../rest.js';

class SetLabel {
  @TextField()
  key: string;

  @bodyField({ type: 'string', nullable: true }, { nullable: true }, (value) =>
    typeof value === 'string' || typeof value === 'number'
      ? { value: String(value) }
      : { problem: ['Not a valid string.'] },
  )
  value: string | null;
}

class UnsetLabel {
  @TextField()
  key: string;
}

const KEY = { type: 'string' };
const VALUE = { type: 'string', nullable: true };
const LABEL = { type: 'object', properties: { key: KEY, value: VALUE }, required: ['key', 'value'] };
const UNSET = { type: 'object', properties: { key: KEY, value: { ...VALUE, readOnly: true } }, required: ['key'] };

async function setLabel(rest: Rest, resource: Resource, context: RestContext) {
  const { key, value } = await rest.body(context, SetLabel);
  const problem = labelProblem(key, value);
  if (problem !== undefined) throw badRequest({ non_field_errors: [problem] });
  const unfit = unstorable(value);
  if (unfit !== undefined) throw badField('value', unfit);
  await change(rest, resource, context, `pulp_labels || jsonb_build_object($2::text, $3::text)`, [key, value]);
  return { key, value };
}

async function unsetLabel(rest: Rest, resource: Resource, context: RestContext) {
  const { key } = await rest.body(context, UnsetLabel);
  const value = await change(rest, resource, context, `pulp_labels - $2::text`, [key], key);
  return { key, value };
}

/** Changes the labels of one row; returns the old value of `wanted`, which must have been there. */
async function change(
  rest: Rest,
  resource: Resource,
  context: RestContext,
  expression: string,
  values: readonly unknown[],
  wanted?: string,
): Promise<string | null> {
  const id = requireKeyOf(resource, context.param('id'));
  const { table } = MODELS[resource.model];
  return rest.source.transaction(async (tx) => {
    const [row] = await rowsOf<{ pulp_labels: Record<string, string | null> }>(
      tx,
      `select pulp_labels from ${table} t where t.id = $1 and ${resource.where} for no key update`,
      [id],
    );
    if (!row) throw noMatch(resource.noun);
    if (wanted !== undefined && !Object.hasOwn(row.pulp_labels, wanted))
      throw badField('key', `Label '${wanted}' is not set on the object.`);
    await tx.query(`update ${table} set pulp_labels = ${expression}, pulp_last_updated = now() where id = $1`, [
      id,
      ...values,
    ]);
    return wanted === undefined ? null : (row.pulp_labels[wanted] ?? null);
  });
}

const labelRoutes = (status: 200 | 201): readonly StandardRoute[] => [
  {
    name: 'setLabel',
    route: PostRoute(':id/set_label', {
      action: 'set_label',
      summary: 'Set a label',
      body: { schema: 'SetLabel', of: SetLabel },
      answers: { [status]: { schema: 'SetLabelResponse', of: LABEL } },
    }),
    handle: setLabel,
  },
  {
    name: 'unsetLabel',
    route: PostRoute(':id/unset_label', {
      action: 'unset_label',
      summary: 'Unset a label',
      body: { schema: 'UnsetLabel', of: UnsetLabel },
      answers: { [status]: { schema: 'UnsetLabelResponse', of: UNSET } },
    }),
    handle: unsetLabel,
  },
];

/** `POST member/set_label/` and `unset_label/`. */
export const LABELS = labelRoutes(201);

/** The same for content units and distributions, where clients expect another status. */
export const SETTLED_LABELS = labelRoutes(200);
