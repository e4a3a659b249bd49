import { hrefTo, prnOf, type ModelName } from './models.js';

/** A JSON schema of OpenAPI 3.0. An inner one with a `title` is a schema of that name in the document. */
export type Schema = Readonly<Record<string, unknown>>;

/** What fields may need beside their row. */
export interface ShowScope {
  /** `host[:port]` that clients use. */
  readonly publicHost: string;
}

/** One member of a response: the SQL that fetches it and how it is shown. */
export interface Field {
  /** SQL expression over the row `t`; nothing is fetched for a field without. */
  readonly sql?: string;
  readonly schema: Schema;
  /** Turns the fetched value into JSON; the value itself when left out. */
  readonly show?: (value: never, scope: ShowScope) => unknown;
  /** Clients may not write it. */
  readonly readOnly?: boolean;
}

/** Options that all fields know. */
export interface FieldOptions {
  readonly nullable?: boolean;
  readonly readOnly?: boolean;
  readonly description?: string;
  /** All values that there are. */
  readonly choices?: readonly string[];
}

const schemaOf = (schema: Schema, { nullable, description, choices }: FieldOptions): Schema => ({
  ...schema,
  ...(choices ? { enum: choices } : {}),
  ...(nullable ? { nullable } : {}),
  ...(description ? { description } : {}),
});

const plain =
  (schema: Schema) =>
  (sql: string, options: FieldOptions = {}): Field => ({
    sql,
    schema: schemaOf(schema, options),
    readOnly: options.readOnly ?? false,
  });

/** Text as it is stored. */
export const text = plain({ type: 'string' });
/** A whole number. */
export const whole = plain({ type: 'integer' });
/** A number with a fraction. */
export const decimal = plain({ type: 'number', format: 'double' });
/** True or false. */
export const flag = plain({ type: 'boolean' });
/** Names and texts. */
export const textMap = plain({ type: 'object', additionalProperties: { type: 'string' } });
/** A list of texts. */
export const texts = plain({ type: 'array', items: { type: 'string' } });
/** JSON of any shape. */
export const json = plain({});
/** A list of JSON objects of any shape. */
export const anyObjects = plain({ type: 'array', items: { type: 'object', additionalProperties: {} } });
/** A JSON object of any shape. */
export const anyObject = plain({ type: 'object', additionalProperties: {} });
/** Labels. */
export const labels = (): Field => ({
  sql: 't.pulp_labels',
  schema: { type: 'object', additionalProperties: { type: 'string', nullable: true } },
});

/** SQL of a time in the form of the API: UTC with microseconds. */
export const timeSql = (sql: string): string => `to_char(${sql} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** A point in time. */
export const time = (sql: string, options: FieldOptions = {}): Field => ({
  sql: timeSql(sql),
  schema: schemaOf({ type: 'string', format: 'date-time' }, options),
  readOnly: options.readOnly ?? true,
});

/** The path of a resource whose key the SQL yields. */
export const href = (model: ModelName, sql: string, options: FieldOptions = {}): Field => ({
  sql,
  schema: schemaOf({ type: 'string', format: 'uri' }, options),
  show: (id: string | null) => (id === null ? null : hrefTo(model, id)),
  readOnly: options.readOnly ?? false,
});

/** Paths of resources whose keys the SQL yields as an array. */
export const hrefs = (model: ModelName, sql: string, options: FieldOptions = {}): Field => ({
  sql,
  schema: schemaOf({ type: 'array', items: { type: 'string', format: 'uri' } }, options),
  show: (ids: string[]) => ids.map((id) => hrefTo(model, id)),
  readOnly: options.readOnly ?? true,
});

/** A member that is the same for all rows. */
export const constant = (value: unknown, schema: Schema): Field => ({ schema, show: () => value, readOnly: true });

/** A member made from what the SQL yields. */
export const derived = <Value>(
  sql: string,
  schema: Schema,
  show: (value: Value, scope: ShowScope) => unknown,
  readOnly = true,
): Field => ({ sql, schema, show: show as Field['show'] & {}, readOnly });

/** Secrets of a row: told by whether they are set, never by what they are. */
export const hiddenFields = (names: readonly string[], column = (name: string) => `t.${name}`): Field => {
  const each = names.map((name) => `json_build_object('name', '${name}', 'is_set', ${column(name)} is not null)`);
  const properties = { name: { type: 'string' }, is_set: { type: 'boolean' } };
  const items = { type: 'object', properties, required: ['name', 'is_set'] };
  return { sql: `json_build_array(${each.join(', ')})`, schema: { type: 'array', items }, readOnly: true };
};

/** The members that every resource begins with. */
export const baseFields = (model: ModelName): Record<string, Field> => ({
  pulp_href: href(model, 't.id', { readOnly: true }),
  prn: derived('t.id', { type: 'string', description: 'The Pulp Resource Name (PRN).' }, (id: string) =>
    prnOf(model, id),
  ),
  pulp_created: time('t.pulp_created', { description: 'Timestamp of creation.' }),
  pulp_last_updated: time('t.pulp_last_updated', { description: 'Timestamp of the last change.' }),
});
