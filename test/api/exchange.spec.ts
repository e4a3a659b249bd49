import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { addUser, PASSWORD, ROOT, startApi, type Answer, type ApiProcess, type Json } from './api-process.js';
import { PulpExportTask } from '../../apps/api/exchange/export-tasks.js';
import { taskContext } from '../transfer/syncing.js';
import { storeImage, storeOf } from './stored-content.js';

describe('exchange with other installations', () => {
  let api: ApiProcess;
  let other: ApiProcess;
  let folder: string;
  const post = (path: string, body: unknown = {}, to = api) => to.request('POST', `${ROOT}${path}`, body);

  async function groupOf(answer: Answer, of: ApiProcess): Promise<Json> {
    for (const end = Date.now() + 20_000; ;) {
      const { body } = await of.get(answer.body['task_group']!);
      const main = body['tasks']![0]!;
      if (['completed', 'failed'].includes(main['state']!)) return (await of.get(main['pulp_href']!)).body;
      if (Date.now() > end) throw new Error('the group does not end');
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hallmark-exchange-'));
    const roots = { HALLMARK_ALLOWED_EXPORT_PATHS: folder, HALLMARK_ALLOWED_IMPORT_PATHS: folder };
    [api, other] = [await startApi(roots), await startApi(roots)];
    await addUser(api.source, 'paula');
  });
  afterAll(async () => {
    await Promise.all([api?.close(), other?.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps exporters inside the allowed folders', async () => {
    const make = async (path: string) =>
      (await post('/exporters/core/pulp/', { name: 'x', path, repositories: [] })).body;
    expect(await make('/etc')).toEqual({ path: ["Path '/etc' is not an allowed export path"] });
    expect(await make(`${folder}/../x`)).toHaveProperty('path');
    await writeFile(join(folder, 'file'), '');
    expect(await make(join(folder, 'file'))).toEqual({
      path: [`Path '${join(folder, 'file')}' must be a directory path`],
    });
    expect((await api.get(`${ROOT}/exporters/core/pulp/`, { as: 'paula' })).status).toBe(403);
  });

  it('moves repositories with everything in them to another installation', async () => {
    const image = await storeImage(api, 'moving');
    const made = await post('/exporters/core/pulp/', { name: 'e', path: folder, repositories: [image.href] });
    expect(made.body).toMatchObject({ repositories: [image.href], last_export: null });
    const exporter: string = made.body['pulp_href']!;
    const run = async (body: object) => api.request('POST', `${exporter}exports/`, body);
    expect((await run({ full: false })).body['non_field_errors']![0]).toContain('Incremental export can only be');
    expect((await run({ start_versions: [] })).body).toHaveProperty('non_field_errors');
    expect((await run({ chunk_size: '2TB' })).body).toHaveProperty('chunk_size');
    const task = await api.finished(await run({ chunk_size: '1KB' }));
    expect(task['state']).toBe('completed');
    const { body: done } = await api.get(task['created_resources']![0]!);
    expect(done['exported_resources']).toEqual([`${image.href}versions/1/`]);
    const files = Object.entries(done['output_file_info'] as unknown as Record<string, string>);
    expect(files.length).toBeGreaterThan(3);
    for (const [path, sum] of files) expect(digestOf(await readFile(path))).toBe(`sha256:${sum}`);
    expect((await api.get(exporter)).body['last_export']).toBe(done['pulp_href']);
    const toc: string = done['toc_info']!['file']!;

    const importer = (await post('/importers/core/pulp/', { name: 'i' }, other)).body['pulp_href']!;
    const check = await post('/importers/core/pulp/import-check/', { toc, path: '/etc/passwd' }, other);
    expect(check.body).toEqual({
      toc: { context: toc, is_valid: true, messages: [] },
      path: {
        context: '/etc/passwd',
        is_valid: false,
        messages: ["path '/etc/passwd' is not an allowed import path"],
      },
    });
    const bring = async (body: object) => groupOf(await other.request('POST', `${importer}imports/`, body), other);
    expect((await bring({ toc }))['error']!['description']).toContain("There is no repository named 'moving'");
    const brought = await bring({ toc, create_repositories: true });
    expect(brought).toMatchObject({ state: 'completed', error: null });
    const version: string = brought['created_resources']![0]!;
    const tags = await other.get(`${ROOT}/content/container/tags/?repository_version=${version}`);
    expect([...tags.body['results']!].map((each) => each['name'])).toEqual(['latest']);
    expect(await storeOf(other).size(image.blobs[0]!)).toBe(64);

    const extra = await other.source.query(`select id from repository where name = 'moving'`);
    await other.source.query(
      `with t as (insert into tag (id, name, manifest_id) select gen_random_uuid(), 'stray', id from manifest limit 1 returning id)
       insert into membership (repository_id, unit_id, kind, tag_name, added_in) select $1, id, 'tag', 'stray', 1 from t`,
      [(extra as { id: string }[])[0]!.id],
    );
    await other.source.query(`update repository_version set present = present || '{"tag": 2}' where number = 1`);
    const again = await bring({ toc });
    expect(again['state']).toBe('completed');
    const left = await other.get(
      `${ROOT}/content/container/tags/?repository_version=${again['created_resources']![0]!}`,
    );
    expect(left.body['count']).toBe(1);

    await writeFile(files[0]![0], 'damaged');
    expect((await bring({ toc }))['error']!['description']).toContain('is not what was exported');
  });

  it('leaves only the files of its last run when an export is run again', async () => {
    const [folderOfRuns, { href, repositoryId }] = [join(folder, 'runs'), await storeImage(api, 'run-again')];
    const made = await post('/exporters/core/pulp/', { name: 'again', path: folderOfRuns, repositories: [href] });
    const [exporterId] = (made.body['pulp_href'] as string).split('/').slice(-2);
    const versions = [{ repositoryId, name: 'run-again', number: 1, href: `${href}versions/1/` }];
    const payload = { exporterId: exporterId!, versions, params: {}, chunkSize: 4096, dryRun: false };
    const context = taskContext();
    const lost = () => Promise.reject(new Error('the worker is lost'));
    const run = (conclude: typeof context.conclude) => api.part(PulpExportTask).run(payload, { ...context, conclude });
    await expect(run(lost)).rejects.toThrow('is lost');
    const [toc] = (await readdir(folderOfRuns)).filter((name) => name.endsWith('toc.json'));
    await rename(join(folderOfRuns, toc!), join(folderOfRuns, toc!.replace(/_\d+-/, '_0000-')));
    await writeFile(join(folderOfRuns, 'of-somebody-else'), '');
    await run(context.conclude);
    const [row] = await api.source.query(
      'select output_file_info as files, toc_info as toc from export where exporter_id = $1',
      [exporterId],
    );
    const { files, toc: last } = row as Json;
    const written = [...Object.keys(files), last['file']!].map((path: string) => basename(path));
    expect((await readdir(folderOfRuns)).toSorted()).toEqual([...written, 'of-somebody-else'].toSorted());
  });

  it('says what is wrong with an import', async () => {
    const made = await post('/importers/core/pulp/', { name: 'm', repo_mapping: { a: 'b' } });
    expect(made.status).toBe(201);
    const problems = async (body: object) =>
      (await api.request('POST', `${made.body['pulp_href']!}imports/`, body)).body['non_field_errors'];
    expect(await problems({})).toEqual(["One of 'path' or 'toc' must be specified."]);
    expect(await problems({ path: '/a', toc: '/b' })).toEqual(["Only one of 'path' and 'toc' may be specified."]);
    expect(await problems({ path: '/a', create_repositories: true })).toEqual([
      "The option 'create_repositories' is not compatible with 'repo_mapping'.",
    ]);
    const outside = await api.request('POST', `${made.body['pulp_href']!}imports/`, { path: '/etc/passwd' });
    expect(outside.body).toEqual({ path: ["path '/etc/passwd' is not an allowed import path"] });
  });

  it('writes a version as a folder', async () => {
    const image = await storeImage(api, 'unpacked');
    const path = join(folder, 'layout');
    const exporter = await post('/exporters/core/filesystem/', { name: 'f', path, method: 'hardlink' });
    expect(exporter.body['method']).toBe('hardlink');
    const exports = `${exporter.body['pulp_href']!}exports/`;
    expect((await api.request('POST', exports, {})).body).toHaveProperty('non_field_errors');
    const version = `${image.href}versions/1/`;
    const task = await api.finished(await api.request('POST', exports, { repository_version: version }));
    expect(task['state']).toBe('completed');
    expect((await readdir(path)).toSorted()).toEqual(expect.arrayContaining(['blobs', 'index.json', 'oci-layout']));
    expect(digestOf(await readFile(join(path, 'blobs', 'sha256', image.blobs[0]!.slice(7))))).toBe(image.blobs[0]);
    expect((await api.get(exports)).body['count']).toBe(1);
  });

  it('mirrors the distributions of another installation', async () => {
    const repository = await post('/repositories/container/container/', { name: 'team/app' }, other);
    const distribution = { name: 'team/app', base_path: 'team/app', repository: repository.body['pulp_href'] };
    await other.finished(await post('/distributions/container/container/', distribution, other));
    const server = { name: 'up', base_url: other.url, api_root: 'pulp', username: 'admin', password: PASSWORD };
    const made = await post('/upstream-pulps/', { ...server, policy: 'labeled', remote_policy: 'on_demand' });
    expect(made.status).toBe(201);
    expect(JSON.stringify(made.body)).not.toContain(PASSWORD);
    for (const [q_select, problem] of [
      ['name="a" AND', 'Syntax error in expression.'],
      ['colour="a"', "Filter 'colour' does not exist."],
    ]) {
      const refusal = { status: 400, body: { q_select: [problem] } };
      expect(await post('/upstream-pulps/', { ...server, name: 'wrong', q_select })).toMatchObject(refusal);
      expect(await api.request('PATCH', made.body['pulp_href']!, { q_select })).toMatchObject(refusal);
      expect(await api.request('POST', `${made.body['pulp_href']!}replicate/`, { q_select })).toMatchObject(refusal);
    }
    for (const base_url of ['http://[', 'http://a b', 'http://user@host', 'ftp://host']) {
      const refusal = { status: 400, body: { base_url: ['Enter a valid URL.'] } };
      expect(await post('/upstream-pulps/', { ...server, name: 'wrong', base_url })).toMatchObject(refusal);
    }
    for (const q_select of ['pulp_label_select="a" OR name__contains=team', '', null])
      expect((await api.request('PATCH', made.body['pulp_href']!, { q_select })).status, String(q_select)).toBe(200);
    const main = await groupOf(await api.request('POST', `${made.body['pulp_href']!}replicate/`, {}), api);
    expect(main).toMatchObject({ state: 'completed', error: null });
    const mine = await api.get(`${ROOT}/distributions/container/container/?name=team/app`);
    expect(mine.body['results']![0]).toMatchObject({ base_path: 'team/app' });
    const remote = await api.get(`${ROOT}/remotes/container/container/?name=team/app`);
    expect(remote.body['results']![0]).toMatchObject({
      upstream_name: 'team/app',
      policy: 'on_demand',
      url: other.url,
    });
    const sync = await api.get(`${ROOT}/tasks/?name=pulp_container.app.tasks.synchronize.synchronize`);
    expect(sync.body['count']).toBe(1);
    expect((await api.get(made.body['pulp_href']!)).body['last_replication']).not.toBeNull();
  });

  it('shows the default domain and refuses others', async () => {
    const { body } = await api.get(`${ROOT}/domains/`);
    expect(body['results']![0]).toMatchObject({ name: 'default' });
    const href: string = body['results']![0]!['pulp_href']!;
    expect((await api.request('PATCH', href, { description: 'x' })).body).toEqual([
      'Default domain can not be updated.',
    ]);
    expect((await api.request('DELETE', href)).body).toEqual(['Default domain can not be deleted.']);
    const made = await post('/domains/', { name: 'd', storage_class: 's', storage_settings: {} });
    expect([made.status, made.body]).toEqual([400, ['Domains not enabled.']]);
    for (const path of ['acs', 'publications', 'vuln_report', 'content/core/openpgp_publickey'])
      expect((await api.get(`${ROOT}/${path}/`)).body).toMatchObject({ count: 0, results: [] });
  });
});
