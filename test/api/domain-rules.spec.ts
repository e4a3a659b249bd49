import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect } from '#content/collector/collect.js';
import { rowsOf } from '#platform/database.js';
import { brokenInvariants } from '../content/invariants.js';
import { ROOT, startApi, type Answer, type ApiProcess, type Json } from './api-process.js';
import { signImage, storeImage, storeOf } from './stored-content.js';

const REPOSITORIES = `${ROOT}/repositories/container/container/`;
const DISTRIBUTIONS = `${ROOT}/distributions/container/container/`;

describe('what happens to content', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.close());

  const act = async (href: string, action: string, body: object = {}): Promise<Json> =>
    api.finished(await api.request('POST', `${href}${action}/`, body));
  const made = async (name: string, fields: object = {}): Promise<string> =>
    (await api.request('POST', REPOSITORIES, { name, ...fields })).body['pulp_href'] as string;
  const distribute = async (fields: object): Promise<Json> => {
    const name = `d-${randomUUID().slice(0, 8)}`;
    return api.finished(await api.request('POST', DISTRIBUTIONS, { name, base_path: name, ...fields }));
  };
  const gone = async (href: string): Promise<Json> => api.finished(await api.request('DELETE', href));
  const newest = async (href: string): Promise<string> => (await api.get(href)).body['latest_version_href'] as string;
  /** How many units of each kind the newest version has. */
  const present = async (href: string): Promise<Record<string, number>> => {
    const { content_summary: summary } = (await api.get(await newest(href))).body;
    const counts = Object.entries(summary.present as Record<string, { count: number }>);
    return Object.fromEntries(counts.map(([type, { count }]) => [type.replace('container.', ''), count]));
  };
  const unit = async (list: string, query: string): Promise<string> =>
    (await api.get(`${ROOT}/content/container/${list}/?${query}`)).body['results'][0]['pulp_href'] as string;
  const IMAGE = { blob: 2, manifest: 1, tag: 1 };

  it('copies bring their signatures along, and deleting the source takes nothing from the copy', async () => {
    const source = await storeImage(api, 'signed-source');
    await signImage(api, source, 'AAAA');
    const target = await made('signed-target');
    await act(target, 'copy_tags', { source_repository: source.href, names: ['latest'] });
    expect(await present(target)).toEqual({ ...IMAGE, signature: 1 });
    expect((await gone(source.href))['state']).toBe('completed');
    await collect(api.source, storeOf(api), { graceSeconds: 0 });
    expect(await present(target)).toEqual({ ...IMAGE, signature: 1 });
    expect(await brokenInvariants(api.source, storeOf(api))).toEqual([]);
  });

  it('a pull-through distribution takes distributions in, lets them go, and takes along those that it has', async () => {
    const remote = await api.request('POST', `${ROOT}/remotes/container/pull-through/`, {
      name: 'taking-in',
      url: 'https://registry.example',
    });
    const whole = `${ROOT}/distributions/container/pull-through/`;
    const fields = { name: 'whole', base_path: 'whole', remote: remote.body['pulp_href'] };
    const href: string = (await api.finished(await api.request('POST', whole, fields)))['created_resources'][0];
    const children = await Promise.all(
      ['whole/a', 'whole/b'].map(
        async (name) => (await distribute({ name, base_path: name }))['created_resources'][0] as string,
      ),
    );
    for (const distributions of [children, [children[1]!], [], [children[0]!]]) {
      const task = await api.finished(await api.request('PATCH', href, { distributions }));
      expect(task['result']).toMatchObject({ distributions });
      const again = await api.request('PATCH', href, { distributions: [...distributions, ...distributions] });
      expect([again.status, again.body['distributions']]).toEqual([200, distributions]);
    }
    await api.finished(await api.request('PUT', href, { ...fields, distributions: children }));
    await api.finished(await api.request('PATCH', href, { distributions: [children[1]!] }));
    expect((await gone(href))['state']).toBe('completed');
    const left = await Promise.all(children.map(async (child) => (await api.request('GET', child)).status));
    expect(left).toEqual([200, 404]);
  });

  it('an empty choice copies nothing, and a copy of what is there makes no version', async () => {
    const source = await storeImage(api, 'again-source');
    const target = await made('again-target');
    const none = await act(target, 'copy_tags', { source_repository: source.href, names: [] });
    expect([none['result'], await newest(target)]).toEqual([null, `${target}versions/0/`]);
    await act(target, 'copy_tags', { source_repository: source.href });
    const strange = { source_repository: source.href, media_types: ['text/plain'] };
    expect((await api.request('POST', `${target}copy_manifests/`, strange)).body).toEqual({
      media_types: ['"text/plain" is not a valid choice.'],
    });
    const twice = await act(target, 'copy_manifests', { source_repository: source.href });
    expect([twice['created_resources'], await newest(target)]).toEqual([[], `${target}versions/1/`]);
  });

  it('a manifest that is still tagged stays when it is removed; with its tag it goes, signatures and blobs too', async () => {
    const { href, digest, repositoryId } = await storeImage(api, 'tagged');
    await signImage(api, { href, digest, repositoryId, blobs: [] }, 'BBBB');
    const manifest = await unit('manifests', `digest=${digest}`);
    await act(href, 'remove', { content_units: [manifest] });
    expect(await present(href)).toEqual({ ...IMAGE, signature: 1 });
    await act(href, 'remove', { content_units: [await unit('tags', `repository_version=${await newest(href)}`)] });
    expect(await present(href)).toEqual({});
    await act(href, 'add', { content_units: [manifest] });
    expect(await present(href)).toEqual({ blob: 2, manifest: 1 });
  });

  it('a version that is distributed is not deleted or thinned out, until it is not distributed any more', async () => {
    const { href, digest } = await storeImage(api, 'pinned');
    const pinned = `${href}versions/1/`;
    const [distribution] = (await distribute({ repository_version: pinned }))['created_resources'] as string[];
    for (const tag of ['a', 'b', 'c']) await act(href, 'tag', { tag, digest });
    expect((await api.request('DELETE', pinned)).status).toBe(400);
    await api.finished(await api.request('PATCH', href, { retain_repo_versions: 1 }));
    const numbers = async () =>
      ((await api.get(`${href}versions/`)).body['results'] as Json[]).map(({ number }) => number as number);
    expect(await numbers()).toEqual([4, 1]);
    expect((await api.get(`${ROOT}/content/container/tags/?repository_version=${pinned}`)).body['count']).toBe(1);
    await gone(distribution!);
    await act(href, 'untag', { tag: 'a' });
    expect(await numbers()).toEqual([5]);
    const added = await api.get(`${ROOT}/content/container/tags/?repository_version_added=${href}versions/5/`);
    expect((added.body['results'] as Json[]).map(({ name }) => name as string).sort()).toEqual(['b', 'c', 'latest']);
    expect(await brokenInvariants(api.source, storeOf(api))).toEqual([]);
  });

  it('a distribution never points at a version or repository that somebody deletes meanwhile', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { href, digest } = await storeImage(api, `raced-${round}`);
      await act(href, 'tag', { tag: 'more', digest });
      const name = `raced/${round}`;
      const fields = round % 2 === 0 ? { repository_version: `${href}versions/1/` } : { repository: href };
      const answers = await Promise.all([
        api.request('DELETE', round % 2 === 0 ? `${href}versions/1/` : href),
        api.request('POST', DISTRIBUTIONS, { name, base_path: name, ...fields }),
      ]);
      for (const answer of answers) {
        expect([202, 400, 404]).toContain(answer.status);
        if (answer.status === 202) expect(['completed', 'failed']).toContain((await api.finished(answer))['state']);
      }
      const dangling = await rowsOf(
        api.source,
        `select 1 from distribution d where
           (d.repository_id is not null and not exists (select 1 from repository r where r.id = d.repository_id)) or
           (d.repository_version_id is not null and not exists (select 1 from repository_version v where v.id = d.repository_version_id))`,
      );
      expect(dangling).toEqual([]);
    }
  }, 60_000);

  it('two clients that change one repository lose nothing: each change is in the end', async () => {
    const { href, digest } = await storeImage(api, 'shared');
    const other = await storeImage(api, 'shared-other');
    const changes: Promise<Answer>[] = [];
    for (let at = 0; at < 12; at += 1) {
      changes.push(api.request('POST', `${href}tag/`, { tag: `one-${at}`, digest }));
      changes.push(
        api.request('POST', `${href}copy_tags/`, { source_repository: other.href, names: ['latest'] }),
        api.request('PATCH', href, { description: `${at}` }),
      );
    }
    const answers = await Promise.all(changes);
    expect([...new Set(answers.map(({ status }) => status))].filter((status) => status !== 200)).toEqual([202]);
    for (const answer of answers)
      if (answer.status === 202) expect(await api.finished(answer)).toMatchObject({ state: 'completed', error: null });
    const tags = await api.get(`${ROOT}/content/container/tags/?repository_version=${await newest(href)}`);
    const names = (tags.body['results'] as Json[]).map(({ name }) => name as string).sort();
    expect(names).toEqual([...Array.from({ length: 12 }, (_, at) => `one-${at}`), 'latest'].sort());
    expect(await brokenInvariants(api.source, storeOf(api))).toEqual([]);
  }, 60_000);

  it('copies in opposite directions at once end, both', async () => {
    const [left, right] = [await storeImage(api, 'left'), await storeImage(api, 'right')];
    const both: Promise<Answer>[] = [];
    for (let turn = 0; turn < 6; turn += 1)
      both.push(
        api.request('POST', `${left.href}copy_manifests/`, { source_repository: right.href }),
        api.request('POST', `${right.href}copy_manifests/`, { source_repository: left.href }),
      );
    for (const answer of await Promise.all(both))
      expect(await api.finished(answer)).toMatchObject({ state: 'completed', error: null });
    expect([await present(left.href), await present(right.href)]).toEqual([
      { blob: 4, manifest: 2, tag: 1 },
      { blob: 4, manifest: 2, tag: 1 },
    ]);
  }, 60_000);

  it('a repository that goes while it is changed leaves ended tasks and no error of the server', async () => {
    const { href, digest } = await storeImage(api, 'leaving');
    const answers = await Promise.all([
      api.request('POST', `${href}tag/`, { tag: 'x', digest }),
      api.request('DELETE', href),
      api.request('POST', `${href}untag/`, { tag: 'latest' }),
      api.request('POST', `${href}remove/`, { content_units: ['*'] }),
      api.request('DELETE', href),
    ]);
    for (const answer of answers) {
      expect([202, 400, 404]).toContain(answer.status);
      if (answer.status === 202) expect(['completed', 'failed']).toContain((await api.finished(answer))['state']);
    }
    expect((await api.get(href)).status).toBe(404);
    expect(await rowsOf(api.source, 'select 1 from task_resource')).toEqual([]);
  });

  it('a distribution that goes takes its push repository along, but neither a curated one nor one that another serves', async () => {
    const curated = await storeImage(api, 'goes-curated');
    const pushed = await storeImage(api, 'goes-pushed', 'container-push');
    const [one] = (await distribute({ repository: curated.href }))['created_resources'] as string[];
    const [two] = (await distribute({ repository: pushed.href }))['created_resources'] as string[];
    const [three] = (await distribute({ repository: pushed.href }))['created_resources'] as string[];
    for (const href of [one!, two!]) await gone(href);
    expect([(await api.get(curated.href)).status, (await api.get(pushed.href)).status]).toEqual([200, 200]);
    await gone(three!);
    expect((await api.get(pushed.href)).status).toBe(404);
  });
});
