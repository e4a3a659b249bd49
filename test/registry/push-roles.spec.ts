import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '#platform/identifiers.js';
import { pushImage } from './content.js';
import { type RegistryProcess, startRegistry } from './registry-process.js';

let registry: RegistryProcess;

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

/** Roles on what stands at a path, as `kind role holder`. */
async function rolesAt(path: string): Promise<string[]> {
  const rows = (await registry.source.query(
    `select split_part(a.content_object, ':', 1) || ' ' || r.name || ' ' || u.username as said
       from role_assignment a join role r on r.id = a.role_id join user_account u on u.id = a.user_id
       join distribution d on a.content_object like '%:' || d.id or a.content_object like '%:' || d.repository_id
         or a.content_object like '%:' || d.namespace_id
      where d.base_path = $1 order by 1`,
    [path],
  )) as { said: string }[];
  return rows.map(({ said }) => said);
}

it('a push makes the pusher the owner of what it makes, as long as no policy says something else', async () => {
  await pushImage(registry, 'alice/first', 'v1', {}, { as: 'alice' });
  const namespace = 'container.containernamespace container.containernamespace_owner alice';
  const distribution = 'container.containerdistribution container.containerdistribution_owner alice';
  expect(await rolesAt('alice/first')).toEqual([distribution, namespace]);
  const hooks = [
    { function: 'add_roles_for_object_creator', parameters: { roles: 'container.containerdistribution_consumer' } },
    { function: 'add_roles_for_users', parameters: { roles: ['container.containerdistribution_owner'], users: 'bob' } },
  ];
  await registry.source.query(
    `insert into access_policy (id, viewset_name, statements, creation_hooks, customized)
     values ($1, 'distributions/container/container', '[]', $2, true)`,
    [newId(), JSON.stringify(hooks)],
  );
  await pushImage(registry, 'alice/second', 'v1', {}, { as: 'alice' });
  expect(await rolesAt('alice/second')).toEqual([
    'container.containerdistribution container.containerdistribution_consumer alice',
    'container.containerdistribution container.containerdistribution_owner bob',
    namespace,
  ]);
});
