import { newId } from '#platform/identifiers.js';
import { addUser, ROOT, type ApiProcess } from './api-process.js';
import { signImage, storeImage } from './stored-content.js';

/** Hrefs of objects by the name of their parameter in the API document. */
export type Hrefs = Readonly<Record<string, string>>;

/** Makes one object of every kind, none of which somebody without rights sees; `prefix` keeps two sets apart. */
export async function makeObjects(api: ApiProcess, prefix: string): Promise<Hrefs> {
  const post = async (path: string, body: object): Promise<string> => {
    const answer = await api.request('POST', path, body);
    if (answer.status === 202) return (await api.finished(answer)).created_resources[0] as string;
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return (answer.body as { pulp_href?: string }).pulp_href ?? '';
  };
  const named = (collection: string, body: object = {}) => post(`${ROOT}/${collection}/`, { name: prefix, ...body });
  const row = async (collection: string, sql: string, values: unknown[] = []): Promise<string> => {
    const id = newId();
    await api.source.query(sql, [id, ...values]);
    return `${collection}${id}/`;
  };
  const idOf = (href: string) => href.split('/').at(-2)!;

  const image = await storeImage(api, `${prefix}-image`);
  await signImage(api, image, 'AAAA');
  const pushed = await storeImage(api, `${prefix}-pushed`, 'container-push');
  const content = async (kind: string): Promise<string> =>
    (await api.get(`${ROOT}/content/container/${kind}/?repository_version=${image.href}`)).body['results'][0].pulp_href;
  await addUser(api.source, `${prefix}-user`);
  const [user] = (await api.get(`${ROOT}/users/?username=${prefix}-user`)).body['results'];
  const group = await named('groups');
  await post(`${group}users/`, { username: user.username });
  const role = { role: 'container.containernamespace_creator', content_object: null };
  const remote = { url: 'http://127.0.0.1:9', upstream_name: 'a/b' };
  const through = await named('remotes/container/pull-through', { name: `${prefix}-through`, url: remote.url });
  const base_path = `${prefix}/app`;
  const distribution = await named('distributions/container/container', {
    base_path,
    repository: image.href,
    private: true,
  });
  const exporter = `${ROOT}/exporters/core/pulp/${newId()}/`;
  const files = `${ROOT}/exporters/core/filesystem/${newId()}/`;
  for (const [href, type] of [
    [exporter, 'pulp'],
    [files, 'filesystem'],
  ] as const)
    await api.source.query(`insert into exporter (id, type, name, path) values ($1, $2, $3, '/x')`, [
      idOf(href),
      type,
      `${prefix}-${type}`,
    ]);
  const importer = await named('importers/core/pulp');
  const group_id = newId();
  await api.source.query('insert into task_group (id, description) values ($1, $2)', [group_id, prefix]);
  return {
    artifact_href: (await api.get(`${ROOT}/artifacts/?sha256=${image.blobs[0]!.slice(7)}`)).body['results'][0]
      .pulp_href,
    auth_user_href: user.pulp_href as string,
    auth_users_user_role_href: await post(`${user.pulp_href}roles/`, role),
    content_redirect_content_guard_href: await named('contentguards/core/content_redirect', { name: `${prefix}-1` }),
    r_b_a_c_content_guard_href: await named('contentguards/core/rbac', { name: `${prefix}-2` }),
    header_content_guard_href: await named('contentguards/core/header', {
      name: `${prefix}-3`,
      header_name: 'x',
      header_value: 'y',
    }),
    composite_content_guard_href: await named('contentguards/core/composite', { name: `${prefix}-4` }),
    container_blob_href: await content('blobs'),
    container_manifest_href: await content('manifests'),
    container_tag_href: await content('tags'),
    container_manifest_signature_href: await content('signatures'),
    container_container_repository_href: image.href,
    container_container_repository_version_href: `${image.href}versions/1/`,
    container_container_push_repository_href: pushed.href,
    container_container_push_repository_version_href: `${pushed.href}versions/1/`,
    container_container_remote_href: await named('remotes/container/container', remote),
    container_container_pull_through_remote_href: through,
    container_container_distribution_href: distribution,
    container_container_pull_through_distribution_href: await named('distributions/container/pull-through', {
      name: `${prefix}-through`,
      base_path: `${prefix}/through`,
      remote: through,
      private: true,
    }),
    container_container_namespace_href: (await api.get(`${ROOT}/pulp_container/namespaces/?name=${prefix}`)).body[
      'results'
    ][0].pulp_href,
    pulp_exporter_href: exporter,
    pulp_pulp_export_href: await row(`${exporter}exports/`, 'insert into export (id, exporter_id) values ($1, $2)', [
      idOf(exporter),
    ]),
    filesystem_exporter_href: files,
    filesystem_filesystem_export_href: await row(
      `${files}exports/`,
      'insert into export (id, exporter_id) values ($1, $2)',
      [idOf(files)],
    ),
    pulp_importer_href: importer,
    pulp_pulp_import_href: await row(`${importer}imports/`, 'insert into import (id, importer_id) values ($1, $2)', [
      idOf(importer),
    ]),
    group_href: group,
    groups_user_href: `${group}users/${user.id}/`,
    groups_group_role_href: await post(`${group}roles/`, role),
    hallmark_trust_policy_href: await named('trust-policies', { trust: {} }),
    robot_account_href: await named('robots', { scopes: [{ repository: 'a', actions: ['pull'] }] }),
    signing_service_href: await row(
      `${ROOT}/signing-services/`,
      `insert into signing_service (id, name, class, public_key, pubkey_fingerprint, script)
       values ($1, $2, 'container:ManifestSigningService', 'k', 'f', '/s')`,
      [prefix],
    ),
    task_href: await row(
      `${ROOT}/tasks/`,
      `insert into task (id, name, state, logging_cid, finished_at) values ($1, $2, 'completed', 'c', now())`,
      [prefix],
    ),
    task_group_href: `${ROOT}/task-groups/${group_id}/`,
    task_schedule_href: await row(
      `${ROOT}/task-schedules/`,
      `insert into task_schedule (id, name, task_name, dispatch_interval, next_dispatch)
       values ($1, $2, 'x', 1e6, now() + interval '1 day')`,
      [prefix],
    ),
    upload_href: await post(`${ROOT}/uploads/`, { size: 10 }),
    upstream_pulp_href: await named('upstream-pulps', { base_url: 'http://127.0.0.1:9', api_root: 'pulp' }),
    worker_href: await row(
      `${ROOT}/workers/`,
      `insert into app_status (id, name, app_type, last_heartbeat, hostname, pid) values ($1, $2, 'worker', now(), 'h', 1)`,
      [prefix],
    ),
    role_href: await named('roles', { permissions: ['core.view_task'] }),
  };
}
