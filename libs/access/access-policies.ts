import type { EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { AccessPolicy, type PolicyFunction, type PolicyStatement } from './access-policy.entity.js';

/** What a policy consists of; `viewsetName` says which resource it is about. */
export interface PolicyFields {
  readonly viewsetName: string;
  readonly statements: readonly PolicyStatement[];
  readonly creationHooks: readonly PolicyFunction[] | null;
  readonly querysetScoping: PolicyFunction | null;
}

/** Writes the product's policies; those that somebody customized stay as they are. Run at every start. */
export async function seedPolicies(tx: EntityManager, defaults: readonly PolicyFields[]): Promise<void> {
  await tx.query(
    `insert into access_policy (id, viewset_name, statements, creation_hooks, queryset_scoping)
     select each.id, each.name, each.statements, each.hooks, each.scoping
       from jsonb_to_recordset($1::jsonb) as each(id uuid, name text, statements jsonb, hooks jsonb, scoping jsonb)
     on conflict (viewset_name) do update
        set statements = excluded.statements, creation_hooks = excluded.creation_hooks,
            queryset_scoping = excluded.queryset_scoping
      where not access_policy.customized`,
    [JSON.stringify(defaults.map(asRecord))],
  );
}

/** One policy. */
export async function getPolicy(tx: EntityManager, id: string): Promise<AccessPolicy> {
  const policy = await tx.findOneBy(AccessPolicy, { id });
  if (!policy) throw notFound('No AccessPolicy matches the given query.');
  return policy;
}

/** Changes a policy; from then on starts leave it alone. */
export async function customizePolicy(
  tx: EntityManager,
  id: string,
  changes: Partial<Omit<PolicyFields, 'viewsetName'>>,
): Promise<AccessPolicy> {
  const policy = await getPolicy(tx, id);
  return await tx.save(AccessPolicy, Object.assign(policy, changes, { customized: true }));
}

/** Puts a policy back to what the product ships. */
export async function resetPolicy(
  tx: EntityManager,
  id: string,
  defaults: readonly PolicyFields[],
): Promise<AccessPolicy> {
  const { viewsetName } = await getPolicy(tx, id);
  const shipped = defaults.find((each) => each.viewsetName === viewsetName);
  if (!shipped) throw notFound(`There is no default access policy for ${viewsetName}.`);
  await rowsOf(tx, 'update access_policy set customized = false where id = $1', [id]);
  await seedPolicies(tx, [shipped]);
  return await getPolicy(tx, id);
}

function asRecord({ viewsetName, statements, creationHooks, querysetScoping }: PolicyFields) {
  return { id: newId(), name: viewsetName, statements, hooks: creationHooks, scoping: querysetScoping };
}
