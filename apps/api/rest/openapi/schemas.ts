import { bodyFields } from '../body/body-field.js';
import type { Schema } from '../fields.js';
import type { BodyClass, Resource } from '../resource.js';

/** A pointer to a schema of the document. */
export const refTo = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** Schema of a request body; a partial one requires nothing. */
export function bodySchema(type: BodyClass, partial = false): Schema {
  const fields = [...bodyFields(type).values()];
  const required = partial ? [] : fields.filter((field) => field.required).map(({ name }) => name);
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map(({ name, schema }) => [name, schema])),
    ...(required.length > 0 ? { required } : {}),
  };
}

/** Schema of a resource in responses. Clients choose members, so none is required. */
export function responseSchema(resource: Resource, names = Object.keys(resource.fields)): Schema {
  const properties = names.map((name) => {
    const { schema, readOnly } = resource.fields[name]!;
    return [name, readOnly ? { readOnly, ...schema } : schema] as const;
  });
  return { type: 'object', properties: Object.fromEntries(properties) };
}

/** Schema of a page of something. */
export const pageSchema = (of: string): Schema => ({
  type: 'object',
  required: ['count', 'results'],
  properties: {
    count: { type: 'integer', example: 123 },
    next: {
      type: 'string',
      nullable: true,
      format: 'uri',
      example: 'http://api.example.org/accounts/?offset=400&limit=100',
    },
    previous: {
      type: 'string',
      nullable: true,
      format: 'uri',
      example: 'http://api.example.org/accounts/?offset=200&limit=100',
    },
    results: { type: 'array', items: refTo(of) },
  },
});

/** Schemas that every document has. */
export const SHARED_SCHEMAS: Readonly<Record<string, Schema>> = {
  AsyncOperationResponse: {
    type: 'object',
    description: 'Serializer for asynchronous operations.',
    properties: { task: { type: 'string', format: 'uri', description: 'The href of the task.' } },
    required: ['task'],
  },
  TaskGroupOperationResponse: {
    type: 'object',
    description: 'Serializer for asynchronous operations that return a task group.',
    properties: { task_group: { type: 'string', format: 'uri', description: 'The href of the task group.' } },
    required: ['task_group'],
  },
  ErrorDetail: { type: 'object', properties: { detail: { type: 'string' } }, required: ['detail'] },
};
