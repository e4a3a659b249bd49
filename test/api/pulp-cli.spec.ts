import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type ApiProcess } from './api-process.js';
import { PulpCli, pythonClientsReady } from './python-clients.js';

describe.runIf(pythonClientsReady())('pulp-cli', () => {
  let api: ApiProcess;
  let pulp: PulpCli;
  beforeAll(async () => {
    api = await startApi();
    pulp = await PulpCli.for(api.url);
  });
  afterAll(async () => {
    await pulp.close();
    await api.close();
  });

  it('reads the status and the document', async () => {
    const status = await pulp.json('status');
    expect(status['database_connection']).toEqual({ connected: true });
    expect(status['versions']).toEqual(expect.arrayContaining([expect.objectContaining({ component: 'container' })]));
  });

  it('lists and shows signing services', async () => {
    await api.source.query(
      `insert into signing_service (id, name, class, public_key, pubkey_fingerprint, script)
       values (gen_random_uuid(), 'signer', 'container:ManifestSigningService', 'KEY', 'ABCD', '/bin/sign')`,
    );
    expect(await pulp.json('signing-service', 'list')).toHaveLength(1);
    const shown = await pulp.json('signing-service', 'show', '--name', 'signer');
    expect(shown).toMatchObject({ name: 'signer', pubkey_fingerprint: 'ABCD', script: '/bin/sign' });
  });

  it('creates, lists, shows, updates, labels and destroys repositories', async () => {
    const made = await pulp.json('container', 'repository', 'create', '--name', 'r1', '--description', 'first');
    expect(made).toMatchObject({ name: 'r1', description: 'first' });
    expect(await pulp.json('container', 'repository', 'list', '--limit', '10')).toHaveLength(1);
    await pulp.json('container', 'repository', 'update', '--name', 'r1', '--retain-repo-versions', '3');
    await pulp.json('container', 'repository', 'label', 'set', '--repository', 'r1', '--key', 'env', '--value', 'prod');
    const shown = await pulp.json('container', 'repository', 'show', '--name', 'r1');
    expect(shown).toMatchObject({ retain_repo_versions: 3, pulp_labels: { env: 'prod' } });
    expect(await pulp.json('container', 'repository', 'version', 'list', '--repository', 'r1')).toHaveLength(1);
    const version = await pulp.json(
      'container',
      'repository',
      'version',
      'show',
      '--repository',
      'r1',
      '--version',
      '0',
    );
    expect(version['content_summary']).toEqual({ added: {}, removed: {}, present: {} });
    expect(await pulp.json('container', 'repository', 'role', 'list', '--repository', 'r1')).toHaveProperty('roles');
    expect(await pulp.json('container', 'repository', 'role', 'my-permissions', '--repository', 'r1')).toHaveProperty(
      'permissions',
    );
    await pulp.json('container', 'repository', 'destroy', '--name', 'r1');
    const gone = await pulp.run('container', 'repository', 'show', '--name', 'r1');
    expect(gone.code).not.toBe(0);
    expect(gone.stderr).toContain('Could not find');
  });

  it('drives remotes, distributions and namespaces', async () => {
    const remote = ['container', 'remote'];
    await pulp.json(...remote, 'create', '--name', 'up', '--url', 'https://up.example', '--upstream-name', 'a/b');
    await pulp.json(...remote, 'update', '--name', 'up', '--policy', 'on_demand', '--include-tags', '["1.*"]');
    expect(await pulp.json(...remote, 'show', '--name', 'up')).toMatchObject({
      policy: 'on_demand',
      includes: ['1.*'],
    });
    await pulp.json('container', 'repository', 'create', '--name', 'r2', '--remote', 'up');
    const distribution = ['container', 'distribution'];
    const made = await pulp.json(...distribution, 'create', '--name', 'd', '--base-path', 'ns/d', '--repository', 'r2');
    expect(made).toMatchObject({ name: 'd', base_path: 'ns/d', private: false });
    await pulp.json(...distribution, 'update', '--name', 'd', '--private');
    expect(await pulp.json(...distribution, 'show', '--name', 'd')).toMatchObject({ private: true });
    expect(await pulp.json('container', 'namespace', 'show', '--name', 'ns')).toMatchObject({ name: 'ns' });
    await pulp.json('container', 'namespace', 'create', '--name', 'other');
    await pulp.json('container', 'namespace', 'destroy', '--name', 'other');
    await pulp.json(...distribution, 'destroy', '--name', 'd');
    await pulp.json(...remote, 'destroy', '--name', 'up');
    expect(await pulp.json('container', 'repository', 'show', '--name', 'r2')).toMatchObject({ remote: null });
  });

  it('follows tasks', async () => {
    expect(await pulp.json('task', 'list', '--state', 'completed', '--limit', '3')).toHaveLength(3);
    expect(await pulp.json('task', 'summary')).toHaveProperty('completed');
    expect((await pulp.run('task', 'purge')).code).toBe(0);
    expect(await pulp.json('worker', 'list')).toEqual([]);
    expect(await pulp.json('task-group', 'list')).toEqual([]);
  });

  it('lists content', async () => {
    for (const type of ['tag', 'manifest', 'blob'])
      expect(await pulp.json('container', 'content', '--type', type, 'list')).toEqual([]);
  });
});
