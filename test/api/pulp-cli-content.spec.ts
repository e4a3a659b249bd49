import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, startApi, type ApiProcess, type Json } from './api-process.js';
import { PulpCli, pythonClientsReady } from './python-clients.js';
import { storeImage, type StoredImage } from './stored-content.js';

const FAKE = `sha256:${'0'.repeat(64)}`;

describe.runIf(pythonClientsReady())('pulp-cli, on the content of repositories', { timeout: 240_000 }, () => {
  let api: ApiProcess;
  let pulp: PulpCli;
  let image: StoredImage;
  let pushed: StoredImage;
  const container = (command: string) => pulp.json('container', ...command.split(' '));
  const refused = async (command: string): Promise<string> => {
    const { code, stderr } = await pulp.run('container', ...command.split(' '));
    expect(code).not.toBe(0);
    return stderr;
  };

  beforeAll(async () => {
    api = await startApi();
    await addUser(api.source, 'paula');
    pulp = await PulpCli.for(api.url);
    image = await storeImage(api, 'source');
    pushed = await storeImage(api, 'pushed', 'container-push');
  });
  afterAll(async () => {
    await pulp?.close();
    await api?.close();
  });

  it('shows units of each type, and labels them', async () => {
    const { digest, blobs } = image;
    const tag = `--name latest --digest ${digest}`;
    expect(await container(`content --type tag show ${tag}`)).toMatchObject({ name: 'latest' });
    expect(await container(`content --type manifest show --digest ${digest}`)).toMatchObject({ digest });
    expect(await container(`content --type blob show --digest ${blobs[0]!}`)).toMatchObject({ digest: blobs[0] });
    for (const unit of [`tag`, `manifest`, `blob`])
      expect(await container(`content --type ${unit} list`)).not.toEqual([]);
    expect(await refused(`content --type manifest show --digest ${FAKE}`)).toContain('Could not find');
    const label = (words: string) => container(`content --type manifest label ${words} --digest ${digest}`);
    await label('set --key stage --value prod');
    expect(
      (await api.get(`/pulp/api/v3/content/container/manifests/?digest=${digest}`)).body['results']![0],
    ).toMatchObject({
      pulp_labels: { stage: 'prod' },
    });
    await label('unset --key stage');
    expect(await refused(`content --type manifest label show --key stage --digest ${digest}`)).toContain('stage');
  });

  it('tags and untags', async () => {
    await container(`repository tag --name source --tag second --digest ${image.digest}`);
    expect(await container('content --type tag list --name second')).toHaveLength(1);
    expect(await refused(`repository tag --name source --tag third --digest ${FAKE}`)).toContain('does not exist');
    await container('repository untag --name source --tag second');
    expect(await refused('repository untag --name source --tag second')).toContain('second');
  });

  it('copies tags and manifests', async () => {
    await container('repository create --name target');
    await container('repository copy-tag --name target --source source --version 1 --tag latest');
    const latest = await container('repository version show --repository target');
    expect(latest['content_summary']['present']['container.tag']).toMatchObject({ count: 1 });
    await container('repository create --name manifests');
    await container(
      `repository copy-manifest --name manifests --source container:push:pushed --digest ${pushed.digest}`,
    );
    const copied = await container('repository version show --repository manifests');
    expect(copied['content_summary']['present']['container.manifest']).toMatchObject({ count: 1 });
    expect(await refused('repository copy-tag --name target --source nowhere')).toContain('Could not find');
  });

  it('adds, lists and removes content', async () => {
    await container('repository create --name handled');
    const unit = `--repository handled --name latest --digest ${image.digest}`;
    await container(`repository content --type tag add ${unit}`);
    expect(await container('repository content --type tag list --repository handled')).toHaveLength(1);
    await container(`repository content --type tag remove ${unit}`);
    expect(await container('repository content --type tag list --repository handled')).toEqual([]);
    expect(await refused(`repository content --type manifest add --repository handled --digest ${FAKE}`)).toContain(
      'Could not find',
    );
  });

  it('repairs and destroys versions, and lists the tasks of a repository', async () => {
    await container('repository version repair --repository source --version 1');
    const before = await container('repository version list --repository source');
    await container('repository version destroy --repository source --version 2');
    expect(await container('repository version list --repository source')).toHaveLength(before.length - 1);
    expect(await refused('repository version repair --repository source --version 99')).toMatch(
      /404|Could not find|No Repo/,
    );
    const names = (await container('repository task list --repository source')).map(({ name }: Json) => name as string);
    expect(names).toContain('pulpcore.app.tasks.repository.delete_version');
  });

  it('syncs when there is something to sync from', async () => {
    await container('repository create --name mirror');
    expect(await refused('repository sync --name mirror')).toContain('remote');
    await container('remote create --name up --url https://up.example --upstream-name a/b');
    const { stderr } = await pulp.run(
      '--background',
      'container',
      'repository',
      'sync',
      '--name',
      'mirror',
      '--remote',
      'up',
    );
    expect(stderr).toContain('Started background task');
  });

  it('works on repositories that were pushed', async () => {
    const push = 'repository --type push';
    expect(await container(`${push} list`)).toHaveLength(1);
    expect(await container(`${push} show --name pushed`)).toMatchObject({ name: 'pushed' });
    await container(`${push} tag --name pushed --tag other --digest ${pushed.digest}`);
    await container(`${push} untag --name pushed --tag other`);
    expect(await container(`${push} version list --repository pushed`)).not.toHaveLength(0);
    await container(`${push} remove-image --name pushed --digest ${pushed.digest}`);
    expect(await refused(`${push} remove-image --name pushed --digest ${pushed.digest}`)).toContain('does not exist');
  });

  it('gives and takes roles and labels', async () => {
    await container('distribution create --name web --base-path team/web');
    await container('remote create --name up2 --url https://up.example --upstream-name a/b');
    for (const [kind, lookup, role] of [
      ['repository', '--name source', 'containerrepository_viewer'],
      ['remote', '--name up2', 'containerremote_viewer'],
      ['distribution', '--name web', 'containerdistribution_collaborator'],
      ['namespace', '--name team', 'containernamespace_collaborator'],
    ] as const) {
      const words = `${lookup} --role container.${role} --user paula`;
      await container(`${kind} role add ${words}`);
      const { roles } = await container(`${kind} role list ${lookup}`);
      expect(roles).toContainEqual({ role: `container.${role}`, users: ['paula'], groups: [] });
      await container(`${kind} role remove ${words}`);
      expect(await refused(`${kind} role add ${lookup} --role no.such --user paula`)).toContain('role');
    }
  });

  it('sets labels, finds by them and unsets them', async () => {
    await container('remote create --name labeled --url https://up.example --upstream-name a/b');
    await container('remote label set --remote labeled --key env --value prod');
    expect(await container('remote show --name labeled')).toMatchObject({ pulp_labels: { env: 'prod' } });
    expect(await container('remote list --label-select env=prod')).toHaveLength(1);
    await container('remote label unset --remote labeled --key env');
    expect(await container('remote list --label-select env=prod')).toEqual([]);
    expect(await refused('remote label unset --remote labeled --key env')).toContain('env');
  });
});
