import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type ApiProcess } from './api-process.js';
import { PulpCli, pythonClientsReady } from './python-clients.js';

const PRELUDE = `
import sys, time
from pulpcore.client import pulp_container as c, pulpcore as p
host, password = sys.argv[1], sys.argv[2]
def client(m):
    conf = m.Configuration(host=host, username='admin', password=password)
    return m.ApiClient(conf)
cc, pc = client(c), client(p)
tasks = p.TasksApi(pc)
def done(answer):
    for _ in range(200):
        task = tasks.read(answer.task)
        if task.state in ('completed', 'failed', 'canceled'):
            assert task.state == 'completed', task.error
            return task
        time.sleep(0.05)
    raise AssertionError('the task does not end')
def refused(status, call, *args):
    try:
        call(*args)
    except (c.exceptions.ApiException, p.exceptions.ApiException) as error:
        assert error.status == status, (error.status, error.body)
        return
    raise AssertionError('not refused')
`;

describe.runIf(pythonClientsReady())('the published bindings', () => {
  let api: ApiProcess;
  let clients: PulpCli;
  beforeAll(async () => {
    api = await startApi();
    clients = await PulpCli.for(api.url);
  });
  afterAll(async () => {
    await clients.close();
    await api.close();
  });

  /** The last lines that a program complains with; nothing when it ran to its end. */
  const complaint = async (program: string) => {
    const { code, stderr } = await clients.python(PRELUDE + program);
    return code === 0 ? '' : stderr.split('\n').slice(-6).join('\n');
  };

  it('make, change, list and delete repositories', async () =>
    expect(
      await complaint(`
repos = c.RepositoriesContainerApi(cc)
made = repos.create(c.ContainerContainerRepository(name='r', pulp_labels={'a': 'b'}))
assert made.latest_version_href.endswith('/versions/0/')
assert repos.list(name='r').count == 1
done(repos.partial_update(made.pulp_href, c.PatchedcontainerContainerRepository(description='d')))
assert repos.read(made.pulp_href, fields=['name', 'description']).description == 'd'
assert repos.set_label(made.pulp_href, c.SetLabel(key='k', value='v')).value == 'v'
assert repos.unset_label(made.pulp_href, c.UnsetLabel(key='k')).key == 'k'
assert repos.my_permissions(made.pulp_href).permissions
assert repos.list_roles(made.pulp_href).roles
versions = c.RepositoriesContainerVersionsApi(cc)
assert versions.list(made.pulp_href, number__gte=0).results[0].number == 0
assert versions.read(made.latest_version_href).content_summary is not None
refused(400, repos.tag, made.pulp_href, c.TagImage(tag='x', digest='sha256:0'))
refused(400, repos.untag, made.pulp_href, c.UnTagImage(tag='x'))
refused(400, repos.sign, made.pulp_href, c.RepositorySign())
refused(400, repos.sync, made.pulp_href, c.ContainerRepositorySyncURL())
done(repos.add(made.pulp_href, c.RecursiveManage(content_units=[])))
done(repos.remove(made.pulp_href, c.RecursiveManage(content_units=['*'])))
done(repos.copy_tags(made.pulp_href, c.TagCopy(source_repository=made.pulp_href)))
done(repos.copy_manifests(made.pulp_href, c.ManifestCopy(source_repository_version=made.latest_version_href)))
done(repos.delete(made.pulp_href))
refused(404, repos.read, made.pulp_href)
assert c.RepositoriesContainerPushApi(cc).list().count == 0
`),
    ).toBe(''));

  it('make, change, list and delete remotes, distributions and namespaces', async () =>
    expect(
      await complaint(`
remotes = c.RemotesContainerApi(cc)
remote = remotes.create(c.ContainerContainerRemote(name='r', url='https://up.example', upstream_name='a/b', username='u', password='p'))
assert {f.name: f.is_set for f in remote.hidden_fields}['password']
done(remotes.partial_update(remote.pulp_href, c.PatchedcontainerContainerRemote(policy='on_demand')))
assert remotes.list(name__in=['r']).count == 1
through = c.RemotesPullThroughApi(cc).create(c.ContainerContainerPullThroughRemote(name='t', url='https://up.example'))
distributions = c.DistributionsContainerApi(cc)
task = done(distributions.create(c.ContainerContainerDistribution(name='d', base_path='ns/d')))
distribution = distributions.read(task.created_resources[0])
assert distribution.registry_path.endswith('/ns/d')
pull = c.DistributionsPullThroughApi(cc)
done(pull.create(c.ContainerContainerPullThroughDistribution(name='p', base_path='cache', remote=through.pulp_href)))
assert pull.list(base_path__contains='cache').results[0].remote == through.pulp_href
refused(400, distributions.create, c.ContainerContainerDistribution(name='x', base_path='/bad/'))
namespaces = c.PulpContainerNamespacesApi(cc)
assert namespaces.list(name='ns').count == 1
done(namespaces.delete(namespaces.list(name='ns').results[0].pulp_href))
refused(404, distributions.read, distribution.pulp_href)
done(remotes.delete(remote.pulp_href))
`),
    ).toBe(''));

  it('read the status, tasks and lists over all types', async () =>
    expect(
      await complaint(`
status = p.StatusApi(pc).status_read()
assert status.database_connection.connected and not status.domain_enabled
done(tasks.purge(p.Purge(states=['failed'])))
assert tasks.list(state='completed', limit=1).count > 0
assert p.TaskGroupsApi(pc).list().count == 0
assert p.TaskSchedulesApi(pc).list().count >= 0
assert p.WorkersApi(pc).list(online=True).count >= 0
assert p.SigningServicesApi(pc).list().count == 0
for api in (p.RepositoriesApi, p.RemotesApi, p.DistributionsApi, p.ContentApi, p.RepositoryVersionsApi):
    assert api(pc).list(limit=1).count >= 0
for api in (c.ContentTagsApi, c.ContentManifestsApi, c.ContentBlobsApi, c.ContentSignaturesApi):
    assert api(cc).list(ordering=['-pulp_created']).count == 0
`),
    ).toBe(''));
});
