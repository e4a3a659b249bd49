import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOCKED_ROLES } from '#access/locked-roles.js';
import { newId } from '#platform/identifiers.js';
import { addUser, ROOT, startApi, type ApiProcess, type Json } from './api-process.js';
import { ACTIONS, CREATOR_OF, ROLE_ROWS, type Kind, type RoleRow } from './role-matrix.js';
import { storeImage } from './stored-content.js';

type Verdict = 'lets do' | 'forbids' | 'hides';

/** A body that no route takes, so that what is allowed does nothing. */
const NONSENSE = { no_such_member: 1 };
const READS: Readonly<Record<string, string>> = {
  read: '',
  list_versions: 'versions/',
  read_version: 'versions/1/',
  list_roles: 'list_roles/',
  my_permissions: 'my_permissions/',
};
const DELETES: Readonly<Record<string, string>> = { delete: '', delete_version: 'versions/0/' };
const PATCHES: readonly string[] = ['update', 'cancel'];

/** Domains are off, so nobody but superusers does anything with the one that there is. */
const NOT_HERE = /^core\.domain_/;

describe('what a role on an object lets its holder do', () => {
  let api: ApiProcess;
  let users = 0;
  beforeAll(async () => {
    // Nobody runs the tasks that deletions start, so that all rows meet the same objects.
    api = await startApi({ HALLMARK_WORKERS: '0' }, []);
  });
  afterAll(() => api.close());

  const made = async (collection: string, body: object): Promise<string> => {
    const answer = await api.request('POST', `${ROOT}/${collection}/`, { name: `n${newId()}`, ...body });
    if (answer.status === 202) return (await api.finished(answer)).created_resources[0] as string;
    return (answer.body as Json).pulp_href as string;
  };

  async function makeObjects(): Promise<Record<Kind, string>> {
    const name = `n-${newId()}`;
    const [image, pushed] = [await storeImage(api, name), await storeImage(api, `${name}-p`, 'container-push')];
    const upstream = await made('remotes/container/pull-through', { url: 'http://127.0.0.1:9' });
    const serve = (path: string, repository: string) =>
      made('distributions/container/container', { base_path: `${name}/${path}`, repository, private: true });
    const [task, schedule] = [newId(), newId()];
    await api.source.query(
      `insert into task_schedule (id, name, task_name, dispatch_interval, next_dispatch)
       values ($1::uuid, $1::text, 'x', 1e6, now() + interval '1 day')`,
      [schedule],
    );
    await api.source.query(
      `insert into task (id, name, state, logging_cid, finished_at) values ($1, 'x', 'completed', 'c', now())`,
      [task],
    );
    return {
      repository: image.href,
      pushed: pushed.href,
      remote: await made('remotes/container/container', { url: 'http://127.0.0.1:9', upstream_name: 'a/b' }),
      upstream,
      distribution: await serve('curated', image.href),
      pushedDistribution: await serve('pushed', pushed.href),
      cache: await made('distributions/container/pull-through', {
        base_path: `${name}-cache`,
        remote: upstream,
        private: true,
      }),
      namespace: (await api.get(`${ROOT}/pulp_container/namespaces/?name=${name}`)).body['results'][0].pulp_href,
      guard: await made('contentguards/core/header', { header_name: 'x', header_value: 'y' }),
      rbac: await made('contentguards/core/rbac', {}),
      redirect: await made('contentguards/core/content_redirect', {}),
      composite: await made('contentguards/core/composite', {}),
      schedule: `${ROOT}/task-schedules/${schedule}/`,
      group: await made('groups', {}),
      upload: await made('uploads', { name: undefined, size: 10 }),
      server: await made('upstream-pulps', { base_url: 'http://127.0.0.1:9', api_root: 'pulp' }),
      task: `${ROOT}/tasks/${task}/`,
    };
  }

  async function verdictOn(href: string, action: string, username: string): Promise<Verdict> {
    const as = { as: username };
    const read = READS[action] ?? DELETES[action];
    const method = action in READS ? 'GET' : action in DELETES ? 'DELETE' : PATCHES.includes(action) ? 'PATCH' : 'POST';
    const [name, version] = action === 'repair_version' ? ['repair', 'versions/1/'] : [action, ''];
    const path = `${href}${read ?? (method === 'PATCH' ? '' : `${version}${name}/`)}`;
    const { status } = await api.request(method, path, read === undefined ? NONSENSE : undefined, as);
    if (status >= 500 || status === 405) throw new Error(`${method} ${path}: ${status}`);
    return status === 404 ? 'hides' : status === 403 ? 'forbids' : 'lets do';
  }

  const expected = ({ may }: RoleRow, kind: Kind, action: string): Verdict => {
    const allowed = may[kind];
    if (!allowed) return 'hides';
    return allowed.includes(action) ? 'lets do' : 'forbids';
  };

  it('is said here of every role that the product brings along', () => {
    const named = new Set(ROLE_ROWS.map(({ role }) => role));
    const left = LOCKED_ROLES.map(({ name }) => name).filter((name) => !named.has(name) && !NOT_HERE.test(name));
    expect(left).toEqual([]);
  });

  it.each(Object.entries(CREATOR_OF))('%s takes new objects from holders of %s alone', async (collection, role) => {
    const verdicts = async (...roles: string[]) => {
      const username = `user-${(users += 1)}`;
      await addUser(api.source, username);
      const [{ pulp_href: href }] = (await api.get(`${ROOT}/users/?username=${username}`)).body['results'];
      for (const each of roles) await api.request('POST', `${href}roles/`, { role: each, content_object: null });
      return (await api.request('POST', `${ROOT}/${collection}/`, NONSENSE, { as: username })).status;
    };
    const others = LOCKED_ROLES.map(({ name }) => name).filter((name) => name !== role);
    expect([await verdicts(role), await verdicts(...others)]).toEqual([400, 403]);
  });

  it.each(ROLE_ROWS)('$role on $on', async (row) => {
    const objects = await makeObjects();
    const username = `user-${(users += 1)}`;
    await addUser(api.source, username);
    const given = await api.request('POST', `${objects[row.on]}add_role/`, { role: row.role, users: [username] });
    expect(given.status, JSON.stringify(given.body)).toBe(201);
    const wrong: string[] = [];
    const kinds = Object.keys(ACTIONS) as Kind[];
    // What is deleted at once goes last.
    for (const kind of kinds)
      for (const action of [...ACTIONS[kind]].sort((a, b) => Number(a === 'delete') - Number(b === 'delete'))) {
        const [is, wanted] = [await verdictOn(objects[kind], action, username), expected(row, kind, action)];
        if (is !== wanted) wrong.push(`${action} of the ${kind}: the role ${is} it, and should ${wanted}`);
      }
    expect(wrong).toEqual([]);
  });
});
