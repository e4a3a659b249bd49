import { APP_VERSIONS } from '../../app-versions.js';
import { BODY_TYPES } from '../body/read-body.js';
import type { Schema } from '../fields.js';
import type { Answer, RequestBody } from '../operation.js';
import type { Resource } from '../resource.js';
import { parametersOf } from './parameters.js';
import type { DocumentedRoute } from './routes.js';
import { bodySchema, pageSchema, refTo, responseSchema, SHARED_SCHEMAS } from './schemas.js';

/** How a document is asked for. */
export interface DocumentOptions {
  readonly origin: string;
  /** Only the operations of one app. */
  readonly component?: string | undefined;
  /** Short operation ids, for generators of clients. */
  readonly bindings?: boolean;
  /** Keys instead of hrefs as path parameters. */
  readonly keysInPaths?: boolean;
}

type Json = Record<string, unknown>;

/** Builds the OpenAPI 3.0 document of these routes. */
export function buildDocument(routes: readonly DocumentedRoute[], options: DocumentOptions): Json {
  const found: Record<string, Schema> = { ...SHARED_SCHEMAS };
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    if (options.component && componentOf(route) !== options.component) continue;
    const path = options.keysInPaths ? keyPath(route) : route.path;
    const item = (paths[path] ??= {});
    item[route.operation.method] = operationJson(route, options, found);
  }
  const schemas = liftNamed(found);
  return {
    openapi: '3.0.3',
    info: {
      title: 'Pulp 3 API',
      version: 'v3',
      description: 'Fetch, Upload, Organize, and Distribute Software Packages',
      license: { name: 'Apache-2.0' },
      'x-pulp-app-versions': options.component ? onlyOf(options.component) : APP_VERSIONS,
      'x-pulp-domain-enabled': false,
    },
    paths,
    components: {
      schemas: sorted(schemas),
      securitySchemes: { basicAuth: { type: 'http', scheme: 'basic' } },
    },
    servers: [{ url: `${options.origin}/` }],
  };
}

/** Inner schemas with a title become schemas of that name, after which generated clients call their classes. */
function liftNamed(schemas: Record<string, Schema>): Record<string, Schema> {
  const all: Record<string, Schema> = {};
  const lift = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(lift);
    if (typeof value !== 'object' || value === null) return value;
    const inner = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, lift(each)]));
    const { title, nullable, ...schema } = inner;
    // A member of a resource may be called title too.
    if (typeof title !== 'string') return inner;
    all[title] = schema;
    return nullable ? { nullable, allOf: [refTo(title)] } : refTo(title);
  };
  for (const [name, schema] of Object.entries(schemas)) all[name] = lift(schema) as Schema;
  return all;
}

/** Paths of resources are references in the sense of RFC 3986: they have no scheme. */
function sorted(schemas: Record<string, Schema>): unknown {
  const entries = Object.entries(schemas).sort(([left], [right]) => (left < right ? -1 : 1));
  const text = JSON.stringify(Object.fromEntries(entries));
  return JSON.parse(text.replaceAll('"format":"uri"', '"format":"uri-reference"'));
}

const onlyOf = (component: string): Json =>
  Object.fromEntries(Object.entries(APP_VERSIONS).filter(([name]) => name === component));

const componentOf = ({ place }: DocumentedRoute): string => place.component ?? place.resource?.component ?? 'core';

/** `{container_tag_href}set_label/` with the key as parameter: `/pulp/api/v3/content/container/tags/{container_tag_pk}/set_label/`. */
function keyPath({ path, place, parameter }: DocumentedRoute): string {
  if (!parameter) return path;
  const pk = `{${parameter.replace(/_href$/, '_pk')}}`;
  const collection =
    place.parent && parameter === place.parent.resource.parameter ? place.parent.resource : place.resource;
  const base = `/pulp/api/v3/${collection?.path ?? place.path}/`;
  return path.replace(`{${parameter}}`, `${base}${pk}/`);
}

function operationJson(route: DocumentedRoute, options: DocumentOptions, schemas: Record<string, Schema>): Json {
  const { operation, place, id } = route;
  const { resource } = place;
  const parameters = parametersOf(route).map((parameter) =>
    options.keysInPaths && parameter.in === 'path'
      ? { ...parameter, name: parameter.name.replace(/_href$/, '_pk') }
      : parameter,
  );
  return {
    operationId: options.bindings && !operation.id ? (operation.name ?? operation.action) : id,
    summary: `${operation.summary}${resource ? ` (${resource.noun})` : ''}`,
    tags: [place.tag],
    parameters,
    ...(operation.body ? { requestBody: requestBody(operation.body, resource, schemas, operation.multipart) } : {}),
    ...(operation.open ? {} : { security: [{ basicAuth: [] }] }),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, answer]) => [
          status,
          response(answer, resource, schemas, operation.produces),
        ]),
      ),
      ...failures(route),
    },
  };
}

function requestBody(
  body: RequestBody,
  resource: Resource | undefined,
  schemas: Record<string, Schema>,
  multipart = false,
): Json {
  const [name, schema] = bodyNamed(body, resource);
  schemas[name] = schema;
  const content = { schema: refTo(name) };
  return {
    content: multipart
      ? { 'multipart/form-data': content }
      : Object.fromEntries(BODY_TYPES.map((type) => [type, content])),
    required: true,
  };
}

function bodyNamed(body: RequestBody, resource: Resource | undefined): [string, Schema] {
  if (typeof body === 'object') return [body.schema, bodySchema(body.of, body.partial)];
  if (!resource?.body) throw new Error(`The resource ${resource?.path ?? ''} has no body.`);
  const partial = body === 'partial';
  return [partial ? `Patched${resource.schema}` : resource.schema, bodySchema(resource.body, partial)];
}

function response(
  answer: Answer,
  resource: Resource | undefined,
  schemas: Record<string, Schema>,
  produces = 'application/json',
): Json {
  if (answer === 'empty') return { description: 'No response body' };
  const name = answerSchema(answer, resource, schemas);
  return { content: { [produces]: { schema: refTo(name) } }, description: '' };
}

function answerSchema(
  answer: Exclude<Answer, 'empty'>,
  resource: Resource | undefined,
  schemas: Record<string, Schema>,
) {
  if (answer === 'task') return 'AsyncOperationResponse';
  if (answer === 'task-group') return 'TaskGroupOperationResponse';
  if (typeof answer === 'object') {
    schemas[answer.schema] = answer.of;
    return answer.schema;
  }
  if (!resource) throw new Error('The operation answers with a resource, but its place has none.');
  const name = `${resource.schema}Response`;
  schemas[name] = responseSchema(resource);
  if (answer === 'resource') return name;
  schemas[`Paginated${name}List`] = pageSchema(name);
  return `Paginated${name}List`;
}

/** What any operation may answer besides: bodies of 400 are maps or lists of messages. */
function failures({ operation, parameter }: DocumentedRoute): Json {
  const detail = (description: string) => ({
    description,
    content: { 'application/json': { schema: refTo('ErrorDetail') } },
  });
  return {
    ...(operation.answers[400]
      ? {}
      : { 400: { description: 'The request is not valid.', content: { 'application/json': { schema: {} } } } }),
    ...(operation.open
      ? {}
      : {
          401: detail('Nobody is signed in.'),
          403: detail('The caller lacks the permission.'),
          429: detail('Too many attempts.'),
        }),
    ...(parameter ? { 404: detail('There is no such resource.') } : {}),
    ...(operation.body
      ? {
          408: detail('The body came too slowly.'),
          413: detail('The body is too large.'),
          415: detail('The media type is not supported.'),
        }
      : {}),
    503: detail('A part of the service is away.'),
  };
}
