import { validateSync } from 'class-validator';
import { parseStrictJson } from '#oci/strict-json.js';
import { badRequest } from '../errors.js';
import type { Located } from '../models.js';
import type { BodyClass } from '../resource.js';
import { bodyFields, isOnlyShown, type BodyField } from './body-field.js';
import { pythonType } from './fields.js';
import { DEPTH, FORM } from './read-body.js';

type Problems = Record<string, unknown>;

/** A body that checks its members against each other; what it returns is the body of the 400. */
export interface CrossChecked {
  problems(partial: boolean): Problems | undefined;
}

/** Says whether a body may name this: it is there and, unless `unseen`, whoever sent the body sees it. */
export type MayName = (located: Located, unseen: boolean) => Promise<boolean>;

/**
 * Makes an instance of a body class from JSON. Problems become a 400 that names every member in question. Members that are
 * absent in a partial body stay undefined.
 */
export async function validateBody<Body extends object>(
  type: BodyClass<Body>,
  given: unknown,
  mayName: MayName,
  partial = false,
): Promise<Body> {
  if (pythonType(given) !== 'dict')
    throw badRequest({ non_field_errors: [`Invalid data. Expected a dictionary, but got ${pythonType(given)}.`] });
  const fields = bodyFields(type);
  const body = new type() as Body & Record<string, unknown>;
  const problems = Object.create(null) as Problems;
  const members = given as Record<string, unknown>;
  for (const name of Object.keys(members))
    if (!fields.has(name) && !isOnlyShown(type, name) && name !== 'csrfmiddlewaretoken')
      problems[name.slice(0, 200)] = ['Unexpected field'];
  for (const field of fields.values()) {
    if (FORM in members && Object.hasOwn(members, field.name))
      members[field.name] = formValue(field, members[field.name]);
    const problem = readMember(field, members, partial, body);
    if (problem) problems[field.name] = problem;
  }
  Object.assign(problems, constraintProblems(body));
  await checkReferences(mayName, fields, body, problems);
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
  mayName: MayName,
  fields: ReadonlyMap<string, BodyField>,
  body: Record<string, unknown>,
  problems: Problems,
): Promise<void> {
  for (const { name, reference } of fields.values()) {
    const located = body[name] as Located | null | undefined;
    if (reference && located && !(await mayName(located, reference.unseen)))
      problems[name] = ['Invalid hyperlink - Object does not exist.'];
  }
}

function refuse(problems: Problems): void {
  if (Object.keys(problems).length > 0) throw badRequest(problems);
}
