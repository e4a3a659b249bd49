import { DEFAULT_GUARD_ID } from '#content/guards/content-guard.entity.js';
import { rowsOf } from '#platform/database.js';
import { forbidden } from '#platform/domain-error.js';
import { on } from '../rest/access/rules.js';
import { badCombination, badField, badRequest } from '../rest/errors.js';
import { locate } from '../rest/models.js';
import type { WriteScope } from '../rest/standard/writing.js';
import type { Columns } from '../rest/writing/writer.js';
import { keyOf } from '../repositories/dto/repository.body.js';
import { namedVersion } from '../repositories/named-versions.js';
import { DISTRIBUTIONS } from './distributions.resource.js';
import type { DistributionBody, PullThroughDistributionBody } from './dto/distribution.body.js';

/** Checks a body against what is stored and who asks, and turns it into columns. */
export async function distributionColumns(body: DistributionBody, scope: WriteScope): Promise<Columns> {
  if (body.base_path !== undefined) await demandPath(body.base_path, scope);
  await refuseBoth(body, scope);
  return {
    name: body.name,
    base_path: body.base_path,
    pulp_labels: body.pulp_labels,
    repository_id: keyOf(body.repository),
    repository_version_id: await versionColumn(body, scope),
    private: body.private,
    hidden: body.hidden,
    description: body.description,
    trust_policy_id: keyOf(body.trust_policy),
    content_guard_id: guardColumn(keyOf(body.content_guard)),
  };
}

/** {@link distributionColumns} of a pull-through distribution. */
export async function pullThroughColumns(body: PullThroughDistributionBody, scope: WriteScope): Promise<Columns> {
  const children = body.distributions?.map((uri) => {
    const found = locate(uri);
    if (!found || !('id' in found) || found.model !== 'container.containerdistribution')
      throw badField('distributions', 'Invalid hyperlink - No URL match.');
    return found.id;
  });
  const columns = { ...(await distributionColumns(body, scope)), remote_id: keyOf(body.remote) };
  if (children === undefined) return columns;
  await demandChildren(children, scope);
  return { ...columns, children: [...new Set(children)].sort() };
}

/** Who takes a distribution in can take it away with the whole, so he must be one who may change it. */
async function demandChildren(children: readonly string[], { rest, context, id }: WriteScope): Promise<void> {
  const rows = await rowsOf<{ id: string }>(
    rest.source,
    `select id from distribution where id = any($1::uuid[]) and parent_id = $2`,
    [children, id ?? null],
  );
  const known = new Set(rows.map((row) => row.id));
  for (const child of children.filter((each) => !known.has(each)))
    if (!(await rest.decisions.may(context, DISTRIBUTIONS, 'update', child)))
      throw badField('distributions', 'Invalid hyperlink - Object does not exist.');
}

async function versionColumn(body: DistributionBody, { rest }: WriteScope): Promise<string | null | undefined> {
  if (!body.repository_version) return body.repository_version;
  const version = await namedVersion(rest.source, body.repository_version, 'repository_version');
  if (version.repositoryType === 'container-push')
    throw badRequest({
      repository_version: ['A container push repository cannot be distributed by specifying a repository version.'],
    });
  return version.id;
}

/** The default guard stands where none is named. */
const guardColumn = (id: string | null | undefined): string | null | undefined => (id === DEFAULT_GUARD_ID ? null : id);

interface Served {
  readonly repository_id: string | null;
  readonly repository_version_id: string | null;
}

async function refuseBoth(body: DistributionBody, { rest, id, context }: WriteScope): Promise<void> {
  const partial = id !== undefined && context.request.method === 'PATCH';
  const [stored] = partial
    ? await rowsOf<Served>(rest.source, 'select repository_id, repository_version_id from distribution where id = $1', [
        id,
      ])
    : [];
  const repository = body.repository === undefined ? stored?.repository_id : body.repository;
  const version = body.repository_version === undefined ? stored?.repository_version_id : body.repository_version;
  if (repository && version)
    throw badCombination(
      "Only one of the attributes 'repository' and 'repository_version' may be used simultaneously.",
    );
}

const ADD = 'container.namespace_add_containerdistribution';

/** A path belongs to who may add to its namespace, make namespaces, or has the name of its first component. */
async function demandPath(path: string, { rest, context }: WriteScope): Promise<void> {
  const name = path.split('/', 1)[0]!;
  if (context.principal.isSuperuser || context.principal.username === name) return;
  const [namespace] = await rowsOf<{ id: string }>(rest.source, 'select id from namespace where name = $1', [name]);
  const rule = namespace ? [[on(ADD)]] : [[on('container.add_containernamespace')]];
  const target = namespace && { model: 'container.containernamespace' as const, id: namespace.id };
  if (!(await rest.decisions.allows(context, rule, target))) throw forbidden();
}
