import type { EntityManager } from 'typeorm';
import { DEFAULT_GUARD_ID } from '#content/guards/content-guard.entity.js';
import { rowsOf } from '#platform/database.js';
import { conflict } from '#platform/domain-error.js';
import { badField } from '../rest/errors.js';
import type { BodyClass, Resource } from '../rest/resource.js';
import { ResourceController, RestHost, type StandardRoute } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';
import { SqlValues } from '../rest/sql.js';
import { creating, type WriteScope, type Writing } from '../rest/standard/writing.js';
import { deletingAtOnce, IN_THE_WAY, updatingAtOnce } from '../rest/standard/writing-at-once.js';
import { insertRow, updateRow, type Columns, type Writer } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';
import { CompositeGuardBody, GuardBody, HeaderGuardBody } from './guard.body.js';
import {
  ALL_GUARDS,
  COMPOSITE_GUARDS,
  guardType,
  HEADER_GUARDS,
  RBAC_GUARDS,
  REDIRECT_GUARDS,
} from './guards.resources.js';

function guardWriter(resource: Resource): Writer {
  const type = guardType(resource);
  return registerWriter({
    resource,
    create: (tx, columns) => insertRow(tx, 'content_guard', { type, ...columns }),
    update: (tx, id, columns) => updateRow(tx, 'content_guard', id, columns),
    remove: async (tx, id) => {
      await demandUnused(tx, id);
      await tx.query('delete from content_guard where id = $1', [id]);
      await tx.query('update content_guard set guards = guards - $1::text where guards ? $1::text', [id]);
      return [{ model: resource.model, id }];
    },
  });
}

/** Without its guard a distribution would be open to whoever may pull: it is given another one first. */
async function demandUnused(tx: EntityManager, id: string): Promise<void> {
  if (id === DEFAULT_GUARD_ID) throw conflict('The default content guard cannot be deleted.');
  // Locked, so that no distribution gets the guard while it goes.
  await tx.query('select 1 from content_guard where id = $1 for update', [id]);
  const [user] = await rowsOf<{ name: string }>(
    tx,
    'select name from distribution where content_guard_id = $1 limit 1',
    [id],
  );
  if (user)
    throw conflict(`The content guard is in use by the distribution '${user.name}'; give it another one first.`);
}

/** Guards in a guard are seen by whoever puts them there, and none leads back to the guard itself. */
async function guardColumns(body: GuardBody, { rest, context, id }: WriteScope): Promise<Columns> {
  const guards = (body as CompositeGuardBody).guards;
  if (guards) {
    const values = new SqlValues();
    const seen = (await rest.decisions.scopeOf(context, ALL_GUARDS))(values);
    const isInside = `exists (select 1 from content_guard g where g.id = ${values.bind(id ?? null)} and g.guards ? t.id::text)`;
    const known = await rowsOf(
      rest.source,
      `select 1 from content_guard t where t.id = any(${values.bind(guards)}::uuid[]) and (${seen} or ${isInside})`,
      values.values,
    );
    if (known.length < new Set(guards).size) throw badField('guards', 'Invalid hyperlink - Object does not exist.');
    if (id !== undefined && (await leadsTo(rest.source.manager, guards, id)))
      throw badField('guards', 'A guard cannot be a part of itself.');
  }
  return Object.fromEntries(Object.entries(body));
}

async function leadsTo(tx: EntityManager, guards: readonly string[], id: string): Promise<boolean> {
  const rows = await rowsOf(
    tx,
    `with recursive inside(id) as (select unnest($1::uuid[]) union
       select each::uuid from inside join content_guard g on g.id = inside.id
         cross join lateral jsonb_array_elements_text(g.guards) each)
     select 1 from inside where id = $2`,
    [guards, id],
  );
  return rows.length > 0;
}

function routes<Body extends GuardBody>(resource: Resource, body: BodyClass<Body>): readonly StandardRoute[] {
  const writer = guardWriter(resource);
  const writing: Writing<Body> = { writer, body, unique: ['name'], columns: guardColumns };
  return [
    ...LIST,
    ...READ,
    ...creating(writing),
    ...updatingAtOnce(writing),
    ...deletingAtOnce(writer, IN_THE_WAY),
    ...ROLES,
  ];
}

/** Guards whose URLs are made by the redirect of the registry. */
@ResourceController(REDIRECT_GUARDS, routes(REDIRECT_GUARDS, GuardBody))
export class RedirectGuardsController extends RestHost {}

/** Guards that let holders of a role pass. */
@ResourceController(RBAC_GUARDS, routes(RBAC_GUARDS, GuardBody))
export class RbacGuardsController extends RestHost {}

/** Guards that look at a header. */
@ResourceController(HEADER_GUARDS, routes(HEADER_GUARDS, HeaderGuardBody))
export class HeaderGuardsController extends RestHost {}

/** Guards of which one must let pass. */
@ResourceController(COMPOSITE_GUARDS, routes(COMPOSITE_GUARDS, CompositeGuardBody))
export class CompositeGuardsController extends RestHost {}

/** All guards, whatever their type. */
@ResourceController(ALL_GUARDS, LIST)
export class AllGuardsController extends RestHost {}
