import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '#oci/digest.js';
import { addBuiltinService } from '#signing/services/add-service.js';
import { signTask } from '#signing/tasks/sign.task.js';
import { TaskDispatcher } from '#tasks/dispatch.js';
import { PASSWORD, ROOT, type Answer, type ApiProcess } from '../api/api-process.js';
import { storeImage } from '../api/stored-content.js';
import { archive, layoutMembers } from '../oci-layout/archives.js';
import type { FakeUpstream } from '../transfer/fake-upstream.js';
import { makeImage } from '../transfer/push-http.js';

/** What the cases have to work with. */
export interface DyingWorld {
  readonly api: ApiProcess;
  readonly upstream: FakeUpstream;
  /** Exports may be written to it and read from it. */
  readonly folder: string;
}

/** Starts a task that has something to do, and answers with where it can be watched. */
type Case = (world: DyingWorld) => Promise<Answer>;

let count = 0;
const fresh = (what: string) => `${what}-${(count += 1)}`;
const REPOSITORIES = `${ROOT}/repositories/container/container/`;
const DISTRIBUTIONS = `${ROOT}/distributions/container/container/`;
const post = ({ api }: DyingWorld, path: string, body: unknown = {}) => api.request('POST', path, body);
const made = async (world: DyingWorld, path: string, body: unknown): Promise<string> =>
  (await post(world, path, body)).body['pulp_href'] as string;
const image = ({ api }: DyingWorld, type: 'container' | 'container-push' = 'container') =>
  storeImage(api, fresh('image'), type);
const unit = async ({ api }: DyingWorld, digest: string): Promise<string> =>
  (await api.get(`${ROOT}/content/container/manifests/?digest=${digest}`)).body['results'][0]['pulp_href'] as string;

async function upload(world: DyingWorld): Promise<Answer> {
  const bytes = randomBytes(32);
  const href = await made(world, `${ROOT}/uploads/`, { size: bytes.length });
  const form = new FormData();
  form.set('file', new Blob([bytes]));
  const answer = await fetch(new URL(href, world.api.url), {
    method: 'PUT',
    headers: { authorization: `Basic ${btoa(`admin:${PASSWORD}`)}`, 'content-range': `bytes 0-31/32` },
    body: form,
  });
  if (answer.status !== 200) throw new Error(await answer.text());
  return post(world, `${href}commit/`, { sha256: digestOf(bytes).slice(7) });
}

async function layout({ api }: DyingWorld): Promise<Answer> {
  const href = (await api.request('POST', REPOSITORIES, { name: fresh('layout') })).body['pulp_href'] as string;
  const answer = await fetch(new URL(`${href}import/`, api.url), {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`admin:${PASSWORD}`)}` },
    body: new Uint8Array(archive(await layoutMembers(fresh('layout')))),
  });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

async function sign(world: DyingWorld): Promise<Answer> {
  const { api } = world;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const privateKeyFile = join(world.folder, `${fresh('key')}.pem`);
  await writeFile(privateKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const service = await addBuiltinService(
    api.source,
    { name: fresh('service'), class: 'container:CosignSigningService', privateKeyFile, shape: 'tag' },
    { workDir: join(api.dataDir, 'work'), scriptTimeout: 20, correlationId: 'spec' },
  );
  const { repositoryId } = await image(world);
  const { id } = await api.part(TaskDispatcher).dispatch(signTask, {
    repositoryId,
    serviceId: service.id,
    reference: 'registry.example.com/app',
    tagNames: null,
    force: true,
    signLists: false,
  });
  return { status: 202, headers: new Headers(), body: { task: `${ROOT}/tasks/${id}/` } };
}

async function sync(world: DyingWorld): Promise<Answer> {
  world.upstream.add(makeImage(), 'latest');
  const remote = await made(world, `${ROOT}/remotes/container/container/`, {
    name: fresh('remote'),
    url: world.upstream.url,
    upstream_name: 'team/app',
  });
  const repository = await made(world, REPOSITORIES, { name: fresh('synced'), remote });
  return post(world, `${repository}sync/`);
}

const exporter = async (world: DyingWorld): Promise<string> => {
  const { href } = await image(world);
  return made(world, `${ROOT}/exporters/core/pulp/`, {
    name: fresh('exporter'),
    path: world.folder,
    repositories: [href],
  });
};

async function bring(world: DyingWorld): Promise<Answer> {
  const { api } = world;
  const run = await api.finished(await post(world, `${await exporter(world)}exports/`));
  const { body } = await api.get(run.created_resources[0]);
  const [href] = body['exported_resources'] as string[];
  const { name } = (await api.get(href!.replace(/versions\/.*/, ''))).body as { name: string };
  const importer = await made(world, `${ROOT}/importers/core/pulp/`, {
    name: fresh('importer'),
    repo_mapping: { [name]: (await api.get(await made(world, REPOSITORIES, { name: fresh('taken') }))).body['name'] },
  });
  return post(world, `${importer}imports/`, { toc: body['toc_info'].file });
}

async function replicate(world: DyingWorld): Promise<Answer> {
  const repository = await made(world, REPOSITORIES, { name: fresh('mirrored') });
  const name = fresh('mirrored');
  await world.api.finished(await post(world, DISTRIBUTIONS, { name, base_path: name, repository }));
  const server = await made(world, `${ROOT}/upstream-pulps/`, {
    name: fresh('server'),
    base_url: world.api.url,
    api_root: 'pulp',
    username: 'admin',
    password: PASSWORD,
    policy: 'nodelete',
    q_select: `name="${name}"`,
  });
  return post(world, `${server}replicate/`);
}

/** A task with an outcome of its own for each handler, by the name of its class. */
export const DYING_CASES: Readonly<Record<string, Case>> = {
  SignHandler: sign,
  SyncHandler: sync,
  ImportLayoutHandler: layout,
  GeneralCreate: async (world) => {
    const [name, repository] = [fresh('new'), (await image(world)).href];
    return post(world, DISTRIBUTIONS, { name, base_path: name, repository });
  },
  GeneralUpdate: async (world) => world.api.request('PATCH', (await image(world)).href, { description: 'changed' }),
  GeneralDelete: async (world) => world.api.request('DELETE', (await image(world)).href),
  TagTask: async (world) => {
    const { href, digest } = await image(world);
    return post(world, `${href}tag/`, { tag: 'more', digest });
  },
  UntagTask: async (world) => post(world, `${(await image(world)).href}untag/`, { tag: 'latest' }),
  AddContent: async (world) => {
    const [to, { digest }] = [await made(world, REPOSITORIES, { name: fresh('to') }), await image(world)];
    return post(world, `${to}add/`, { content_units: [await unit(world, digest)] });
  },
  RemoveContent: async (world) => post(world, `${(await image(world)).href}remove/`, { content_units: ['*'] }),
  ModifyContent: async (world) => {
    const [to, { digest }] = [await made(world, REPOSITORIES, { name: fresh('to') }), await image(world)];
    return post(world, `${to}modify/`, { add_content_units: [await unit(world, digest)] });
  },
  MigrateRepository: async (world) => post(world, `${(await image(world, 'container-push')).href}migrate/`),
  DeleteVersion: async (world) => world.api.request('DELETE', `${(await image(world)).href}versions/0/`),
  PurgeTasks: async (world) => post(world, `${ROOT}/tasks/purge/`, { finished_before: new Date().toISOString() }),
  CommitUpload: upload,
  PulpExportTask: async (world) => post(world, `${await exporter(world)}exports/`),
  FilesystemExportTask: async (world) => {
    const { href } = await image(world);
    const to = { name: fresh('files'), path: join(world.folder, fresh('files')), method: 'write' };
    const files = await made(world, `${ROOT}/exporters/core/filesystem/`, to);
    return post(world, `${files}exports/`, { repository_version: `${href}versions/1/` });
  },
  PulpImportTask: bring,
  ReplicateTask: replicate,
};

/** Housekeeping that goes step by step: a run says what it did itself, so what an earlier one did is not in its counts. */
export const DYING_STEPS: Readonly<Record<string, Case>> = {
  OrphanCleanup: (world) => post(world, `${ROOT}/orphans/cleanup/`, { orphan_protection_time: 0 }),
  RepairAll: (world) => post(world, `${ROOT}/repair/`),
  RepairVersion: async (world) => post(world, `${(await image(world)).href}versions/1/repair/`),
  DataRepair: (world) => post(world, `${ROOT}/datarepair/7272/`),
  ReclaimSpace: async (world) =>
    post(world, `${ROOT}/repositories/reclaim_space/`, { repo_hrefs: [(await image(world)).href] }),
};
