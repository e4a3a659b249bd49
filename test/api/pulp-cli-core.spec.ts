import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type ApiProcess } from './api-process.js';
import { PulpCli, pythonClientsReady } from './python-clients.js';
import { storeImage } from './stored-content.js';

describe.runIf(pythonClientsReady())('pulp-cli, beside containers', { timeout: 240_000 }, () => {
  let api: ApiProcess;
  let pulp: PulpCli;
  let folder: string;
  const json = (command: string, ...more: string[]) => pulp.json(...command.split(' '), ...more);
  const refused = async (command: string, ...more: string[]) => {
    const { code, stderr } = await pulp.run(...command.split(' '), ...more);
    expect(code).not.toBe(0);
    return stderr;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hallmark-cli-'));
    api = await startApi({ HALLMARK_ALLOWED_EXPORT_PATHS: folder, HALLMARK_ALLOWED_IMPORT_PATHS: folder });
    pulp = await PulpCli.for(api.url);
  });
  afterAll(async () => {
    await pulp?.close();
    await api?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('manages users and the roles they have', async () => {
    const made = await json('user create --username ann --password a-long-password --email ann@example.org');
    expect(made).toMatchObject({ username: 'ann', email: 'ann@example.org' });
    expect(await refused('user create --username ann')).toContain('This field must be unique.');
    await json('user update --username ann --first-name Ann');
    expect(await json('user show --username ann')).toMatchObject({ first_name: 'Ann' });
    expect(await json('user list --limit 10')).toHaveLength(2);
    const role = ['--username', 'ann', '--role', 'container.containerrepository_creator', '--object', ''];
    await json('user role-assignment add', ...role);
    expect(await json('user role-assignment list --username ann')).toHaveLength(1);
    expect(await refused('user role-assignment add', ...role)).toContain('already assigned');
    await json('user role-assignment remove', ...role);
    expect(await json('user role-assignment list --username ann')).toHaveLength(0);
    expect(await refused('user destroy --username admin')).toContain('last active superuser');
    await json('user destroy --username ann');
    expect(await refused('user show --username ann')).toContain('Could not find');
  });

  it('manages groups, their users and roles', async () => {
    await json('group create --name staff');
    await json('group user add --group staff --username admin');
    expect((await json('group user list --group staff'))[0]).toMatchObject({ username: 'admin' });
    await json('group role-assignment add --group staff --role core.task_viewer', '--object', '');
    expect(await json('group role-assignment list --group staff')).toHaveLength(1);
    await json('group role-assignment remove --group staff --role core.task_viewer', '--object', '');
    await json('group user remove --group staff --username admin');
    expect(await json('group user list --group staff')).toHaveLength(0);
    expect(await json('group role list --name staff')).toHaveProperty('roles');
    await json('group destroy --name staff');
    expect(await json('group list')).toHaveLength(0);
  });

  it('manages roles', async () => {
    await json('role create --name mine --permission core.view_task --permission core.delete_task');
    await json('role update --name mine --description text');
    expect(await json('role show --name mine')).toMatchObject({ description: 'text', locked: false });
    expect(await refused('role create --name bad --permission no.such')).toContain('permissions');
    expect(await refused('role update --name core.task_owner --description x')).toContain('not authorized');
    expect(await json('role list --limit 5')).toHaveLength(5);
    await json('role destroy --name mine');
  });

  it('edits and resets access policies', async () => {
    const statements = JSON.stringify([{ action: ['list'], principal: 'admin', effect: 'allow' }]);
    const customized = async () => (await json('access-policy show --viewset-name groups'))['customized'];
    await json('access-policy update --viewset-name groups', '--statements', statements);
    expect(await customized()).toBe(true);
    expect(await refused('access-policy update --viewset-name groups --statements', '[{}]')).toContain('statements');
    await json('access-policy reset --viewset-name groups');
    expect(await customized()).toBe(false);
    expect(await json('access-policy show --viewset-name groups')).toHaveProperty('statements');
  });

  it('uploads artifacts, whole and in pieces', async () => {
    const file = join(folder, 'file.bin');
    await writeFile(file, randomBytes(5000));
    const whole = await json('artifact upload --file', file);
    expect(whole).toMatchObject({ size: 5000 });
    await writeFile(file, randomBytes(5000));
    const pieces = await json('artifact upload --chunk-size 2000 --file', file);
    expect(await json('artifact show --href', pieces['pulp_href']!)).toMatchObject({ size: 5000 });
    expect(await json('artifact list --sha256', whole['sha256']!)).toHaveLength(1);
    expect(await refused('artifact show --href', whole['pulp_href']!.replace(/[^/]+\/$/, 'nothing/'))).not.toBe('');
  });

  it('manages content guards', async () => {
    await json('content-guard header create --name h --header-name x --header-value y');
    await json('content-guard header update --name h --header-value z');
    expect(await json('content-guard header show --name h')).toMatchObject({ header_value: 'z' });
    await json('content-guard rbac create --name r');
    await json('content-guard rbac assign --name r --user admin');
    expect((await json('content-guard rbac show --name r'))['users']![0]).toMatchObject({ username: 'admin' });
    await json('content-guard rbac remove --name r --user admin');
    await json('content-guard redirect create --name d');
    await json('content-guard composite create --name c --guard core:header:h');
    // The default one is there too.
    expect(await json('content-guard list')).toHaveLength(5);
    expect(await refused('content-guard header create --name h --header-name x --header-value y')).toContain('unique');
    for (const [type, name] of [
      ['composite', 'c'],
      ['redirect', 'd'],
      ['rbac', 'r'],
      ['header', 'h'],
    ])
      await json(`content-guard ${type!} destroy --name ${name!}`);
  });

  it('exports and imports', async () => {
    await storeImage(api, 'packed');
    const repository = ['--repository', 'container:container:packed'];
    await json('exporter pulp create --name e --path', folder, ...repository);
    expect(await refused('exporter pulp create --name x --path /etc', ...repository)).toContain('not an allowed');
    await json('export pulp run --exporter e --full true --chunk-size 1KB');
    const [done] = await json('export pulp list --exporter e');
    expect(Object.keys(done!['output_file_info']!).length).toBeGreaterThan(1);
    expect(await json('exporter pulp show --name e')).toHaveProperty('last_export');
    await json('export pulp destroy --href', done!['pulp_href']!);
    await json('exporter pulp destroy --name e');
    await json('importer pulp create --name i --repo-map a b');
    expect(await json('importer pulp show --name i')).toMatchObject({ repo_mapping: { a: 'b' } });
    await json('importer pulp destroy --name i');
  });

  it('asks for what is never there, and is told so', async () => {
    expect(await json('publication list --created-after 2020-01-01 --created-before 2040-01-01')).toEqual([]);
    expect(await json('vulnerability-report list')).toEqual([]);
    const nothing = '/pulp/api/v3/vuln_report/00000000-0000-7000-8000-000000000000/';
    expect(await refused('vulnerability-report show --href', nothing)).toContain('No VulnerabilityReport matches');
  });

  it('labels what clients pushed', async () => {
    await storeImage(api, 'team/labelled', 'container-push');
    const label = 'container repository -t push label';
    await json(`${label} set --repository team/labelled --key env --value prod`);
    const labelled = await json('container repository -t push list --label-select env=prod');
    expect(labelled).toMatchObject([{ name: 'team/labelled', pulp_labels: { env: 'prod' } }]);
    await json(`${label} unset --repository team/labelled --key env`);
    expect(await json('container repository -t push list --label-select env')).toEqual([]);
  });

  it('cleans up orphans and reclaims space', async () => {
    await json('orphan cleanup --protection-time 0');
    await json('repository reclaim --all');
    expect(await refused('orphan cleanup --content-hrefs', '["/nowhere/"]')).not.toBe('');
  });

  it('manages upstream Pulps, and reads domains, workers and task groups', async () => {
    await json(`upstream-pulp create --name up --api-root pulp --username a --password b --base-url`, api.url);
    await json('upstream-pulp update --upstream-pulp up --policy nodelete');
    expect(await json('upstream-pulp show --upstream-pulp up')).toMatchObject({ policy: 'nodelete' });
    expect(await json('upstream-pulp list')).toHaveLength(1);
    await refused('upstream-pulp replicate --upstream-pulp up');
    await json('upstream-pulp destroy --upstream-pulp up');
    expect(await json('task-group list')).toHaveLength(1);
    expect(await json('worker list')).toHaveLength(0);
    expect(await json('status')).toHaveProperty('online_workers');
    // The client itself refuses domains where they are off.
    expect(await refused('domain update --name default --description x')).not.toBe('');
  });
});
