import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type Answer, ROOT, startApi, type ApiProcess } from './api-process.js';
import { storeImage, type StoredImage } from './stored-content.js';

/** What a stranger gets for something that he may not see, and for what is not there. */
interface Pair {
  readonly hidden: Answer;
  readonly missing: Answer;
}

/** The whole answer but its time, with the key of the object taken out. */
const shape = ({ status, headers, body }: Answer, key: string) => {
  const kept = [...headers].filter(([name]) => !['date', 'correlation-id'].includes(name));
  return JSON.stringify({ status, kept, body }).replaceAll(key, 'KEY');
};

describe('what somebody may not see', () => {
  let api: ApiProcess;
  let image: StoredImage;
  let own: string;
  let path: string;
  const as = { as: 'paula' };
  const create = async (collection: string, body: unknown, who = {}): Promise<string> =>
    (await api.request('POST', `${ROOT}/${collection}/`, body, who)).body['pulp_href'];
  const contentOf = async (kind: string): Promise<string> =>
    (await api.get(`${ROOT}/content/container/${kind}/?repository_version=${image.href}versions/1/`)).body[
      'results'
    ][0]['pulp_href'];

  beforeAll(async () => {
    api = await startApi();
    await addUser(api.source, 'paula');
    const [paula] = (await api.get(`${ROOT}/users/?username=paula`)).body['results'];
    for (const role of [
      'containerrepository_creator',
      'containernamespace_creator',
      'containerpullthroughdistribution_creator',
      'containerpullthroughremote_viewer',
    ])
      await api.request('POST', `${paula.pulp_href}roles/`, { role: `container.${role}`, content_object: null });
    image = await storeImage(api, 'secret');
    own = await create('repositories/container/container', { name: 'own' }, as);
    path = 'paula/app';
  });
  afterAll(() => api.close());

  /** Expects that the hidden object's href and one that nothing has are answered alike, byte by byte. */
  async function expectAlike(href: string, ask: (href: string) => Promise<Answer>): Promise<Pair> {
    const key = /[0-9a-f]{8}-[0-9a-f-]{27}|\d+(?=\/$)/.exec(href)![0];
    const other = key.length === 36 ? randomUUID() : '987654321'.slice(0, key.length);
    const [hidden, missing] = [await ask(href), await ask(href.replace(key, other))];
    expect(shape(hidden, key)).toBe(shape(missing, other));
    return { hidden, missing };
  }

  it('is not distributed by him, neither its newest version nor a fixed one', async () => {
    const body = { name: 'app', base_path: path };
    for (const [member, href] of [
      ['repository', image.href],
      ['repository_version', `${image.href}versions/1/`],
    ] as const) {
      const made = await expectAlike(href, (each) =>
        api.request('POST', `${ROOT}/distributions/container/container/`, { ...body, [member]: each }, as),
      );
      expect([made.hidden.status, made.hidden.body]).toEqual([
        400,
        { [member]: ['Invalid hyperlink - Object does not exist.'] },
      ]);
    }
    const visible = await api.request(
      'POST',
      `${ROOT}/distributions/container/container/`,
      { ...body, repository: own },
      as,
    );
    const task = await api.finished(visible);
    const changed = await expectAlike(image.href, (each) =>
      api.request('PATCH', task.created_resources[0], { repository: each }, as),
    );
    expect(changed.hidden.status).toBe(400);
  });

  it('is not copied, added or started from in his repositories', async () => {
    const versions = (member: string) => (each: string) =>
      api.request('POST', `${own}${member === 'base_version' ? 'modify' : 'copy_tags'}/`, { [member]: each }, as);
    for (const member of ['base_version', 'source_repository_version'])
      expect((await expectAlike(`${image.href}versions/1/`, versions(member))).hidden.status).toBe(400);
    expect((await expectAlike(image.href, versions('source_repository'))).hidden.status).toBe(400);
    for (const kind of ['tags', 'manifests', 'blobs']) {
      const unit = await contentOf(kind);
      for (const [action, member] of [
        ['add', 'content_units'],
        ['remove', 'content_units'],
        ['modify', 'add_content_units'],
        ['modify', 'remove_content_units'],
      ]) {
        const ask = (each: string) => api.request('POST', `${own}${action}/`, { [member!]: [each] }, as);
        expect((await expectAlike(unit, ask)).hidden.status).toBe(400);
      }
    }
    const admin = await api.request('POST', `${own}add/`, { content_units: [await contentOf('tags')] });
    expect((await api.finished(admin)).state).toBe('completed');
  });

  it('is no remote of his repositories, for its credentials would be his', async () => {
    const remote = await create('remotes/container/container', {
      name: 'secret',
      url: 'http://127.0.0.1:9',
      upstream_name: 'a/b',
      username: 'u',
      password: 'p',
    });
    const asks = [
      (each: string) => api.request('PATCH', own, { remote: each }, as),
      (each: string) => api.request('POST', `${own}sync/`, { remote: each }, as),
      (each: string) =>
        api.request('POST', `${ROOT}/repositories/container/container/`, { name: 'x', remote: each }, as),
    ];
    for (const ask of asks) await expectAlike(remote, ask);
  });

  it('is not verified, whichever tag he tries', async () => {
    const made = await api.request('POST', `${ROOT}/distributions/container/container/`, {
      name: 'hidden',
      base_path: 'team/hidden',
      repository: image.href,
      private: true,
    });
    await api.finished(made);
    const verify = (reference: string) => api.request('POST', `${ROOT}/verify/`, { reference, trust: {} }, as);
    for (const tag of [':latest', ':other', `@${image.digest}`]) {
      const [hidden, missing] = [await verify(`team/hidden${tag}`), await verify(`team/absent${tag}`)];
      expect(hidden.status).toBe(404);
      expect(shape(hidden, 'team/hidden')).toBe(shape(missing, 'team/absent'));
    }
  });

  it('is not taken into his pull-through distribution, with which it would go', async () => {
    const remote = await create('remotes/container/pull-through', { name: 'hub', url: 'http://127.0.0.1:9' });
    const made = await api.request('POST', `${ROOT}/distributions/container/container/`, {
      name: 'public',
      base_path: 'team/public',
      repository: image.href,
    });
    const [victim] = (await api.finished(made)).created_resources;
    const body = { name: 'hub', base_path: 'paula/hub', remote, distributions: [victim] };
    const refused = await api.request('POST', `${ROOT}/distributions/container/pull-through/`, body, as);
    expect([refused.status, refused.body]).toEqual([
      400,
      { distributions: ['Invalid hyperlink - Object does not exist.'] },
    ]);
    const alone = await api.request(
      'POST',
      `${ROOT}/distributions/container/pull-through/`,
      { ...body, distributions: [] },
      as,
    );
    expect((await api.finished(alone)).state).toBe('completed');
  });

  it('of what only superusers read answers like what is not there, whatever is asked', async () => {
    const [user] = (await api.get(`${ROOT}/users/?username=admin`)).body['results'];
    const [artifact] = (await api.get(`${ROOT}/artifacts/`)).body['results'];
    for (const href of [user.pulp_href, artifact.pulp_href] as string[])
      for (const method of ['GET', 'DELETE'])
        expect((await expectAlike(href, (each) => api.request(method, each, undefined, as))).hidden.status).toBe(403);
    const robot = (owner: string) =>
      api.request(
        'POST',
        `${ROOT}/robots/`,
        { name: 'r', scopes: [{ repository: 'a', actions: ['pull'] }], owner },
        as,
      );
    expect((await expectAlike(user.pulp_href, robot)).hidden.status).toBe(400);
  });
});
