import { validateSync } from 'class-validator';
import type { DataSource, EntityManager } from 'typeorm';
import { parseStrictJson } from '#oci/strict-json.js';
import { rowsOf } from '#platform/database.js';
import { badRequest } from '../errors.js';
import { MODELS, type Located, type Model } from '../models.js';
import type { BodyClass } from '../resource.js';
import { bodyFields, type BodyField } from './body-field.js';
import { pythonType } from './fields.js';
import { DEPTH, FORM } from './read-body.js';

type Problems = Record<string, unknown>;

/** A body that checks its members against each other; what it returns is the body of the 400. */
export interface CrossChecked {
  problems(partial: boolean): Problems | undefined;
}

/**
 * Makes an instance of a body class from JSON. Problems become a 400 that names every member in question. Members that are
 * absent in a partial body stay undefined.
 */
export async function validateBody<Body extends object>(
  source: DataSource | EntityManager,
  type: BodyClass<Body>,
  given: unknown,
  partial = false,
): Promise<Body> {
  if (pythonType(given) !== 'dict')
    throw badRequest({ non_field_errors: [`Invalid data. Expected a dictionary, but got ${pythonType(given)}.`] });
  const fields = bodyFields(type);
  const body = new type() as Body & Record<string, unknown>;
  const problems = Object.create(null) as Problems;
  const members = given as Record<string, unknown>;
  for (const name of Object.keys(members))
    if (!fields.has(name) && name !== 'csrfmiddlewaretoken') problems[name.slice(0, 200)] = ['Unexpected field'];
  for (const field of fields.values()) {
    if (FORM in members && Object.hasOwn(members, field.name))
      members[field.name] = formValue(field, members[field.name]);
    const problem = readMember(field, members, partial, body);
    if (problem) problems[field.name] = problem;
  }
  Object.assign(problems, constraintProblems(body));
  await checkReferences(source, fields, body, problems);
  refuse(problems);
  refuse((body as Partial<CrossChecked>).problems?.(partial) ?? {});
  return body;
}

function readMember(
  field: BodyField,
  members: Record<string, unknown>,
  partial: boolean,
  body: Record<string, unknown>,
) {
  if (!Object.hasOwn(members, field.name) || members[field.name] === undefined) {
    if (field.required && !partial) return ['This field is required.'];
    if (field.fallback !== undefined && !partial) body[field.name] = field.fallback;
    return undefined;
  }
  const value = members[field.name];
  if (value === null) {
    if (!field.nullable) return ['This field may not be null.'];
    body[field.name] = null;
    return undefined;
  }
  const reading = field.read(value);
  if ('problem' in reading) return reading.problem;
  body[field.name] = reading.value;
  return undefined;
}

/** What a form means by a text: one item is a list, objects are JSON, and nothing is null, or absent, where it cannot be a text. */
function formValue({ schema, nullable, required }: BodyField, given: unknown): unknown {
  const { type, minLength } = schema;
  const value = Array.isArray(given) && type !== 'array' ? given.at(-1) : given;
  if (typeof value !== 'string') return value;
  if (value === '' && (type !== 'string' || minLength === 1)) return nullable ? null : required ? value : undefined;
  if (type === 'array') return value.trimStart().startsWith('[') ? value : [value];
  return type === 'object' ? jsonOr(value) : value;
}

function jsonOr(text: string): unknown {
  try {
    return parseStrictJson(text, { depth: DEPTH });
  } catch {
    return text;
  }
}

function constraintProblems(body: object): Problems {
  const found = validateSync(body, { skipMissingProperties: true, forbidUnknownValues: false });
  return Object.fromEntries(found.map(({ property, constraints }) => [property, Object.values(constraints ?? {})]));
}

async function checkReferences(
  source: DataSource | EntityManager,
  fields: ReadonlyMap<string, BodyField>,
  body: Record<string, unknown>,
  problems: Problems,
): Promise<void> {
  for (const field of fields.values()) {
    const located = body[field.name] as Located | null | undefined;
    if (field.reference && located && !(await exists(source, located)))
      problems[field.name] = ['Invalid hyperlink - Object does not exist.'];
  }
}

async function exists(source: DataSource | EntityManager, located: Located): Promise<boolean> {
  const { table, discriminator } = MODELS['id' in located ? located.model : located.repositoryModel] as Model;
  const [sql, values] =
    'id' in located
      ? [`select 1 from ${table} t where t.id = $1 and ${discriminator ?? 'true'}`, [located.id]]
      : [
          `select 1 from ${table} t join repository_version v on v.repository_id = t.id
            where t.id = $1 and v.number = $2 and ${discriminator ?? 'true'}`,
          [located.repository, located.number],
        ];
  return (await rowsOf(source, sql, values)).length > 0;
}

function refuse(problems: Problems): void {
  if (Object.keys(problems).length > 0) throw badRequest(problems);
}
