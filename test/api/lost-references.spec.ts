import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowsOf } from '#platform/database.js';
import { addUser, ROOT, startApi, type Answer, type ApiProcess, type Json } from './api-process.js';

/** Something that is deleted, by this statement, while a request that needs it is under way. */
interface Race {
  readonly deletion: string;
  readonly request: () => Promise<Answer>;
}

describe('what goes while a request that needs it is under way', () => {
  let api: ApiProcess;
  let count = 0;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.close());

  const post = (path: string, body: unknown): Promise<Answer> => api.request('POST', path, body);
  const made = async (collection: string, body: object = {}): Promise<Json> =>
    (await post(`${ROOT}/${collection}/`, { name: `n${(count += 1)}`, ...body })).body;
  const user = async (): Promise<Json> => {
    const name = `u${(count += 1)}`;
    await addUser(api.source, name);
    return (await api.get(`${ROOT}/users/?username=${name}`)).body['results'][0];
  };
  const deletionOf = (table: string, { pulp_href }: Json): string =>
    `delete from ${table} where id = '${String(pulp_href).split('/').at(-2)}'`;

  /** Deletes behind the back of the request: it still sees the row, waits for it, and finds it gone. */
  async function raced({ deletion, request }: Race): Promise<Answer> {
    const runner = api.source.createQueryRunner();
    await runner.startTransaction();
    try {
      await runner.query(deletion);
      const answer = request();
      await expect
        .poll(() => rowsOf(api.source, 'select 1 from pg_locks where not granted and pid <> pg_backend_pid()'), {
          timeout: 10_000,
          interval: 10,
        })
        .not.toEqual([]);
      await runner.commitTransaction();
      return await answer;
    } finally {
      await runner.release();
    }
  }

  const GONE = 'Invalid hyperlink - Object does not exist.';
  const RACES: readonly [what: string, status: number, body: object, race: () => Promise<Race>][] = [
    [
      'a group that takes a member',
      404,
      { detail: 'No Group matches the given query.' },
      async () => {
        const [group, { username }] = [await made('groups'), await user()];
        return {
          deletion: deletionOf('access_group', group),
          request: () => post(`${group.pulp_href}users/`, { username }),
        };
      },
    ],
    [
      'a user who becomes a member',
      400,
      { user: [GONE] },
      async () => {
        const [group, member] = [await made('groups'), await user()];
        return {
          deletion: deletionOf('user_account', member),
          request: () => post(`${group.pulp_href}users/`, { username: member.username }),
        };
      },
    ],
    [
      'a group that gets a role',
      404,
      { detail: 'No Group matches the given query.' },
      async () => {
        const group = await made('groups');
        const role = { role: 'container.containernamespace_creator', content_object: null };
        return { deletion: deletionOf('access_group', group), request: () => post(`${group.pulp_href}roles/`, role) };
      },
    ],
    [
      'a user who gets a role',
      404,
      { detail: 'No User matches the given query.' },
      async () => {
        const holder = await user();
        const role = { role: 'container.containernamespace_creator', content_object: null };
        return { deletion: deletionOf('user_account', holder), request: () => post(`${holder.pulp_href}roles/`, role) };
      },
    ],
    [
      'a role that somebody gets',
      400,
      { role: [GONE] },
      async () => {
        const [holder, role] = [await user(), await made('roles', { permissions: ['core.view_task'] })];
        return {
          deletion: deletionOf('role', role),
          request: () => post(`${holder.pulp_href}roles/`, { role: role.name, content_object: null }),
        };
      },
    ],
    [
      'a group that gets a role on an object',
      400,
      { group: [GONE] },
      async () => {
        const [group, namespace] = [await made('groups'), await made('pulp_container/namespaces')];
        const role = { role: 'container.containernamespace_owner', groups: [group.name] };
        return {
          deletion: deletionOf('access_group', group),
          request: () => post(`${namespace.pulp_href}add_role/`, role),
        };
      },
    ],
    [
      'the owner of a robot',
      400,
      { owner: [GONE] },
      async () => {
        const owner = await user();
        const robot = { name: `r${(count += 1)}`, scopes: [{ repository: 'a', actions: ['pull'] }] };
        return {
          deletion: deletionOf('user_account', owner),
          request: () => post(`${ROOT}/robots/`, { ...robot, owner: owner.pulp_href }),
        };
      },
    ],
  ];

  it.each(RACES)('%s: %i', async (_what, status, body, race) => {
    const answer = await raced(await race());
    expect([answer.status, answer.body]).toEqual([status, body]);
  });

  it('a guard that a distribution gets: the task fails with a sentence', async () => {
    const guard = await made('contentguards/core/header', { header_name: 'x', header_value: 'y' });
    const name = `d${(count += 1)}`;
    const answer = await raced({
      deletion: deletionOf('content_guard', guard),
      request: () =>
        post(`${ROOT}/distributions/container/container/`, { name, base_path: name, content_guard: guard.pulp_href }),
    });
    const { state, error } = await api.finished(answer);
    expect([state, error]).toEqual(['failed', { description: GONE, traceback: null, error_code: 'INVALID' }]);
  });

  it('of two distributions made at once for one path, one is made and the other is told why not', async () => {
    const base_path = 'raced/path';
    const make = (name: string) => post(`${ROOT}/distributions/container/container/`, { name, base_path });
    const answers = await Promise.all([make('one'), make('two'), make('three')]);
    const ends = await Promise.all(
      answers.map(async (answer) => {
        if (answer.status === 400) return answer.body['base_path'][0] as string;
        const { state, error } = await api.finished(answer);
        return state === 'completed' ? state : (error.description as string);
      }),
    );
    const TAKEN = 'This field must be unique.';
    expect(ends.sort()).toEqual([TAKEN, TAKEN, 'completed']);
    for (const nested of [`${base_path}/below`, 'raced']) {
      const { state } = await api.finished(
        await post(`${ROOT}/distributions/container/container/`, { name: nested, base_path: nested }),
      );
      expect([nested, state]).toEqual([nested, 'completed']);
    }
  });
});
