import { rowsOf } from '#platform/database.js';
import type { DispatchOptions } from '#tasks/dispatch.js';
import type { RestContext } from '../context.js';
import { badRequest } from '../errors.js';
import { requireKeyOf } from '../keys.js';
import { MODELS, prnOf, type ModelName } from '../models.js';
import { DeleteRoute, PatchRoute, PostRoute, PutRoute, type OperationOptions } from '../operation.js';
import type { BodyClass, Resource } from '../resource.js';
import type { Rest } from '../rest.js';
import type { StandardRoute } from '../rest-controller.js';
import { createObject } from '../writing/general-tasks.js';
import { differing, type Columns, type Writer } from '../writing/writer.js';

/** How bodies of a resource become rows. */
export interface Writing<Body extends object> {
  readonly writer: Writer;
  readonly body: BodyClass<Body>;
  /** Columns that no two rows share. */
  readonly unique: readonly string[];
  /** Checks what only the database knows and turns a body into columns; `id` is the row that an update is about. */
  columns(body: Body, scope: WriteScope): Columns | Promise<Columns>;
  /** What a task holds meanwhile, beside the object itself. */
  reserve?(id?: string): DispatchOptions;
}

/** What {@link Writing.columns} may need. */
export interface WriteScope {
  readonly rest: Rest;
  readonly context: RestContext;
  readonly id?: string;
}

/** The columns that the body of a request sets, after all checks. */
export async function readColumns<Body extends object>(
  writing: Writing<Body>,
  scope: WriteScope,
  partial = false,
): Promise<Columns> {
  const body = await scope.rest.body(scope.context, writing.body, partial);
  const columns = await writing.columns(body, scope);
  await refuseTaken(writing, columns, scope);
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

async function refuseTaken<Body extends object>(writing: Writing<Body>, columns: Columns, { rest, id }: WriteScope) {
  const { table } = MODELS[writing.writer.resource.model];
  const problems: Record<string, string[]> = {};
  for (const name of writing.unique) {
    if (columns[name] === undefined) continue;
    const taken = await rowsOf(rest.source, `select 1 from ${table} where ${name} = $1 and id is distinct from $2`, [
      columns[name],
      id ?? null,
    ]);
    if (taken.length > 0) problems[name] = ['This field must be unique.'];
  }
  if (Object.keys(problems).length > 0) throw badRequest(problems);
}

const route = (name: string, decorate: MethodDecorator, handle: StandardRoute['handle']): readonly StandardRoute[] => [
  { name, route: decorate, handle },
];

/** `POST collection/` that makes the resource at once: 201. */
export const creating = <Body extends object>(writing: Writing<Body>) =>
  route(
    'create',
    PostRoute('', { action: 'create', summary: 'Create', body: 'resource', answers: { 201: 'resource' } }),
    async (rest, resource, context) => {
      const columns = await readColumns(writing, { rest, context });
      const made = await rest.source.transaction(async (tx) =>
        rest.show(resource, await createObject(tx, writing.writer, columns, context.principal), tx),
      );
      void context.reply.header('location', (made as { pulp_href: string }).pulp_href);
      return made;
    },
  );

/** `POST collection/` that makes the resource in a task: 202. */
export const creatingByTask = <Body extends object>(writing: Writing<Body>) =>
  route(
    'create',
    PostRoute('', { action: 'create', summary: 'Create', body: 'resource', answers: { 202: 'task' } }),
    async (rest, resource, context) => {
      const columns = await readColumns(writing, { rest, context });
      const payload = { model: resource.model, columns, maker: context.principal };
      return accepted(context, rest.runNow(context, rest.handlers.create, payload, writing.reserve?.()));
    },
  );

async function accepted<T>(context: RestContext, answer: T | Promise<T>): Promise<T> {
  void context.reply.status(202);
  return answer;
}

const exclusively = (model: ModelName, id: string, more: DispatchOptions = {}): DispatchOptions => ({
  ...more,
  exclusive: [prnOf(model, id), ...(more.exclusive ?? [])],
});

async function update<Body extends object>(
  writing: Writing<Body>,
  rest: Rest,
  resource: Resource,
  context: RestContext,
  partial: boolean,
) {
  const id = requireKeyOf(resource, context.param('id'));
  await rest.demandExists(resource, id);
  const columns = await readColumns(writing, { rest, context, id }, partial);
  const changed = await differing(rest.source.manager, writing.writer, id, columns);
  if (Object.keys(changed).length === 0) return rest.show(resource, id);
  const options = exclusively(resource.model, id, writing.reserve?.(id));
  return accepted(
    context,
    rest.runNow(context, rest.handlers.update, { model: resource.model, id, columns: changed }, options),
  );
}

/** `PUT member/` and `PATCH member/`, which only differ in what may be left out. */
export const updateRoutes = (
  answers: OperationOptions['answers'],
  update: (rest: Rest, resource: Resource, context: RestContext, partial: boolean) => unknown,
): readonly StandardRoute[] => [
  {
    name: 'update',
    route: PutRoute(':id', { action: 'update', summary: 'Update', body: 'resource', answers }),
    handle: (rest, resource, context) => update(rest, resource, context, false),
  },
  {
    name: 'partialUpdate',
    route: PatchRoute(':id', { action: 'partial_update', summary: 'Update', body: 'partial', answers }),
    handle: (rest, resource, context) => update(rest, resource, context, true),
  },
];

/** `PUT member/` and `PATCH member/`: 200 when nothing changes, else 202. */
export const updating = <Body extends object>(writing: Writing<Body>): readonly StandardRoute[] =>
  updateRoutes({ 200: 'resource', 202: 'task' }, (...request) => update(writing, ...request));

/** `DELETE member/`: 202; a worker does it, for it may take long. */
export const deleting = (reserve?: (id: string) => DispatchOptions) =>
  route(
    'delete',
    DeleteRoute(':id', { action: 'delete', summary: 'Delete', answers: { 202: 'task' } }),
    async (rest, resource, context) => {
      const id = requireKeyOf(resource, context.param('id'));
      await rest.demandExists(resource, id);
      const options = exclusively(resource.model, id, reserve?.(id));
      return rest.dispatch(context, rest.handlers.remove.task, { model: resource.model, id }, options);
    },
  );
