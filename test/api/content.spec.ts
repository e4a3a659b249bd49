import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '#platform/identifiers.js';
import { ROOT, startApi, type ApiProcess, type Json } from './api-process.js';

const REPOSITORIES = `${ROOT}/repositories/container/container/`;
const hex = (seed: string) => `sha256:${Buffer.from(seed.padEnd(32, '.')).toString('hex')}`;

describe('content and its versions', () => {
  let api: ApiProcess;
  let library: Json;
  const manifests = new Map<string, string>();
  beforeAll(async () => {
    api = await startApi();
    library = (await api.request('POST', REPOSITORIES, { name: 'library' })).body;
    const units = await Promise.all(['one', 'two'].map((name) => addManifest(name)));
    const answer = await api.request('POST', `${library['pulp_href']!}modify/`, { add_content_units: units });
    await api.finished(answer);
  });
  afterAll(() => api.close());

  async function addManifest(name: string): Promise<string> {
    const [id, blob] = [newId(), newId()];
    await api.source.query('insert into blob (id, digest, size) values ($1, $2, 7)', [blob, hex(`blob ${name}`)]);
    await api.source.query(
      `insert into manifest (id, digest, media_type, type, size, bytes, config_blob_id)
       values ($1, $2, 'application/vnd.oci.image.manifest.v1+json', 'image', 2, '{}', $3)`,
      [id, hex(name), blob],
    );
    await api.source.query('insert into manifest_blob (manifest_id, position, blob_id) values ($1, 0, $2)', [id, blob]);
    manifests.set(name, id);
    return `${ROOT}/content/container/manifests/${id}/`;
  }
  const versions = async (repository = library) =>
    (await api.get(`${repository['pulp_href']!}versions/`)).body['results']!;
  const act = async (action: string, body: unknown, repository = library) =>
    api.request('POST', `${repository['pulp_href']!}${action}/`, body);
  const tags = async (query: string) => (await api.get(`${ROOT}/content/container/tags/?${query}`)).body;

  it('shows manifests with everything that they name', async () => {
    const { body } = await api.get(`${ROOT}/content/container/manifests/?digest=${hex('one')}`);
    expect(body['count']).toBe(1);
    expect(body['results']![0]).toMatchObject({
      digest: hex('one'),
      schema_version: 2,
      listed_manifests: [],
      config_blob: expect.stringMatching(/\/blobs\/[0-9a-f-]{36}\/$/),
      blobs: [expect.stringMatching(/\/blobs\/[0-9a-f-]{36}\/$/)],
      is_bootable: false,
      type: 'image',
    });
  });

  it('tags and untags, with a version for each change and none for no change', async () => {
    const before = (await versions()).length;
    const task = await api.finished(await act('tag', { tag: 'v1', digest: hex('one') }));
    expect(task['created_resources']).toEqual([`${library['pulp_href']!}versions/${before}/`]);
    expect(task['result']).toMatchObject({
      number: before,
      content_summary: { added: { 'container.tag': { count: 1 } } },
    });
    expect((await api.finished(await act('tag', { tag: 'v1', digest: hex('one') })))['result']).toBeNull();
    const page = await tags(`repository_version=${library['pulp_href']!}versions/${before}/`);
    expect(page['results']).toMatchObject([{ name: 'v1' }]);
    expect((await tags(`digest=${hex('one')}`))['count']).toBe(1);
    const [newest] = await versions();
    const { href } = newest!['content_summary']!['added']!['container.tag']!;
    expect((await api.get(href!)).body['count']).toBe(1);
    await api.finished(await act('untag', { tag: 'v1' }));
    expect((await tags(`repository_version=${library['prn']!}`))['count']).toBe(0);
  });

  it('says what an action cannot find', async () => {
    const latest = (await api.get(library['pulp_href']!)).body['latest_version_href']!;
    expect((await act('tag', { tag: 'x', digest: hex('none') })).body).toEqual({
      non_field_errors: [
        `A manifest with the digest '${hex('none')}' does not exist in the latest repository version '${latest}'`,
      ],
    });
    expect((await act('untag', { tag: 'none' })).body).toEqual({
      tag: [`The tag 'none' does not exist in the latest repository version '${latest}'`],
    });
    expect((await act('tag', { tag: 'bad tag', digest: 'x' })).body).toHaveProperty('tag');
    expect((await act('add', { content_units: ['/x/'] })).body).toEqual(['URI not valid: /x/']);
    expect((await act('copy_tags', {})).body).toEqual({
      non_field_errors: ["Either the 'repository' or 'repository_version' needs to be specified"],
    });
    expect((await act('sync', {})).body).toEqual({
      remote: ['This field is required since a remote is not set on the repository.'],
    });
    expect((await act('sign', {})).body).toEqual({
      manifest_signing_service: ['This field is required since a signing_service is not set on the repo.'],
    });
  });

  it('copies tags with their images, and removes what only they need', async () => {
    await api.finished(await act('tag', { tag: 'v2', digest: hex('two') }));
    const copy = (await api.request('POST', REPOSITORIES, { name: 'copy' })).body;
    const latest = (await api.get(library['pulp_href']!)).body['latest_version_href']!;
    const answer = await act('copy_tags', { source_repository_version: latest, names: ['v2'] }, copy);
    const { result } = { result: (await api.finished(answer))['result']! };
    expect(result['content_summary']!['present']).toMatchObject({
      'container.tag': { count: 1 },
      'container.manifest': { count: 1 },
      'container.blob': { count: 1 },
    });
    const tag = (await tags(`repository_version=${copy['pulp_href']!}`))['results']![0]!['pulp_href']!;
    const removed = await api.finished(await act('remove', { content_units: [tag] }, copy));
    expect(removed['result']!['content_summary']!['present']).toEqual({});
  });

  it('modifies without putting a tag in the place of another, when that is asked for', async () => {
    const repository = (await api.request('POST', REPOSITORIES, { name: 'careful' })).body;
    const tagged = new Map<string, string>();
    for (const name of ['one', 'two']) {
      tagged.set(name, newId());
      await api.source.query(`insert into tag (id, name, manifest_id) values ($1, 'stable', $2)`, [
        tagged.get(name),
        manifests.get(name),
      ]);
    }
    const add = async (name: string, more: object = {}) => {
      const units = [`prn:container.tag:${tagged.get(name)!}`, `prn:container.manifest:${manifests.get(name)!}`];
      return api.finished(await act('modify', { add_content_units: units, ...more }, repository));
    };
    expect((await add('one', { overwrite: false }))['state']).toBe('completed');
    const refused = await add('two', { overwrite: false });
    expect([refused['state'], refused['error']['description']]).toEqual(['failed', expect.stringContaining('stable')]);
    expect((await add('two'))['result']).toMatchObject({
      content_summary: { present: { 'container.tag': { count: 1 } } },
    });
  });

  it('deletes versions that nothing serves', async () => {
    const repository = (await api.request('POST', REPOSITORIES, { name: 'versions' })).body;
    await api.finished(
      await act('add', { content_units: [`prn:container.manifest:${manifests.get('one')!}`] }, repository),
    );
    const distribution = { name: 'served', base_path: 'served/it', repository: repository['pulp_href'] };
    await api.finished(await api.request('POST', `${ROOT}/distributions/container/container/`, distribution));
    const refused = await api.request('DELETE', `${repository['pulp_href']!}versions/1/`);
    expect([refused.status, refused.body[0]]).toEqual([400, expect.stringContaining('cannot be deleted')]);
    const gone = await api.finished(await api.request('DELETE', `${repository['pulp_href']!}versions/0/`));
    expect(gone['state']).toBe('completed');
    expect((await versions(repository)).map((version: Json) => version['number'])).toEqual([1]);
  });

  it('turns a push repository into a container repository that keeps its key', async () => {
    const id = newId();
    await api.source.query(`insert into repository (id, type, name) values ($1, 'container-push', 'pushed')`, [id]);
    await api.source.query('insert into repository_version (id, repository_id, number) values ($1, $2, 0)', [
      newId(),
      id,
    ]);
    const task = await api.finished(
      await api.request('POST', `${ROOT}/repositories/container/container-push/${id}/migrate/`),
    );
    expect(task['created_resources']).toEqual([`${REPOSITORIES}${id}/`]);
    expect((await api.get(`${REPOSITORIES}${id}/`)).status).toBe(200);
    expect((await api.get(`${ROOT}/repositories/container/container-push/${id}/`)).status).toBe(404);
  });
});
