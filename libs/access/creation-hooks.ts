import type { EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import type { PolicyFunction } from './access-policy.entity.js';
import type { Principal } from './principal.js';
import { giveRole, type Holder } from './role-assignments.js';

/** Something new that roles can be held on. */
export interface NewObject {
  readonly objectKey: string;
  /** The policy that says who gets roles on it, when somebody edited it. */
  readonly viewsetName: string;
  /** What its maker gets while nobody did. */
  readonly ownerRole: string | undefined;
}

type Parameters = Readonly<Record<string, unknown>>;

/** What hooks can do: whom each gives its roles. */
const HOLDERS: Readonly<
  Record<string, (tx: EntityManager, maker: Principal, parameters: Parameters) => Promise<Holder[]>>
> = {
  add_roles_for_object_creator: (_tx, maker) => Promise.resolve(holderOf(maker)),
  add_roles_for_users: async (tx, _maker, { users }) =>
    (await idsOf(tx, 'user_account', 'username', users)).map((userId) => ({ userId })),
  add_roles_for_groups: async (tx, _maker, { groups }) =>
    (await idsOf(tx, 'access_group', 'name', groups)).map((groupId) => ({ groupId })),
};

/** Names of the functions that hooks may call. */
export const HOOK_FUNCTIONS: readonly string[] = Object.keys(HOLDERS);

/**
 * Gives the roles on a new object: those that the hooks of an edited policy say, else the owner's to its maker. True when
 * somebody got one. Nobody gets a role for what anonymous made, a robot's owner for what it made.
 */
export async function runCreationHooks(tx: EntityManager, made: NewObject, maker: Principal): Promise<boolean> {
  let given = false;
  for (const { function: name, parameters } of await hooksOf(tx, made)) {
    const said = parameters ?? {};
    const holders = await HOLDERS[name]!(tx, maker, said);
    for (const role of textsOf(said['roles']))
      for (const holder of holders) given = (await giveRole(tx, holder, role, made.objectKey)) || given;
  }
  return given;
}

async function hooksOf(tx: EntityManager, { viewsetName, ownerRole }: NewObject): Promise<readonly PolicyFunction[]> {
  const [edited] = await rowsOf<{ creation_hooks: readonly PolicyFunction[] | null }>(
    tx,
    'select creation_hooks from access_policy where viewset_name = $1 and customized',
    [viewsetName],
  );
  if (edited) return (edited.creation_hooks ?? []).filter((hook) => Object.hasOwn(HOLDERS, hook.function));
  return ownerRole === undefined
    ? []
    : [{ function: 'add_roles_for_object_creator', parameters: { roles: ownerRole } }];
}

function holderOf(maker: Principal): Holder[] {
  if (maker.kind === 'anonymous') return [];
  return [{ userId: maker.kind === 'user' ? maker.id : maker.owner.id }];
}

/** Names that mean nobody, for accounts may go, mean nobody here too. */
async function idsOf(tx: EntityManager, table: string, column: string, names: unknown): Promise<number[]> {
  const sql = `select id from ${table} where ${column} = any($1::text[]) order by id`;
  return (await rowsOf<{ id: number }>(tx, sql, [textsOf(names)])).map(({ id }) => id);
}

const textsOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((each) => typeof each === 'string');
