import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addRole } from '#access/role-assignments.js';
import { announce } from '#platform/change-feed.js';
import { newId } from '#platform/identifiers.js';
import { type Made, pushImage, writeElsewhere } from './content.js';
import { type RegistryProcess, startRegistry } from './registry-process.js';

interface NewGuard {
  readonly type: 'content_redirect' | 'rbac' | 'header' | 'composite';
  readonly header_name?: string;
  readonly header_value?: string;
  readonly jq_filter?: string;
  readonly guards?: readonly string[];
}

let registry: RegistryProcess;

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

describe('a distribution with a content guard', () => {
  it('is open to who may pull while it names none', async () => {
    const image = await pushImage(registry, 'guarded/none', 'v1');
    expect(await reads('guarded/none', image, null)).toEqual([200, 200, 200, 200]);
  });

  it('serves by an rbac guard only who may download, whatever is public', async () => {
    const image = await pushImage(registry, 'guarded/rbac', 'v1');
    expect(await reads('guarded/rbac', image, null)).toEqual([200, 200, 200, 200]);
    const id = await guard('guarded/rbac', { type: 'rbac' });
    expect(await reads('guarded/rbac', image, null)).toEqual([401, 401, 401, 401]);
    expect(await reads('guarded/rbac', image, 'alice')).toEqual([403, 403, 403, 403]);
    expect(await reads('guarded/rbac', image, 'admin')).toEqual([200, 200, 200, 200]);
    await letDownload(id, 'alice');
    expect(await reads('guarded/rbac', image, 'alice')).toEqual([200, 200, 200, 200]);
    expect(await reads('guarded/rbac', image, 'bob')).toEqual([403, 403, 403, 403]);
  });

  it('wants the right to pull too', async () => {
    const image = await pushImage(registry, 'guarded/private', 'v1');
    const id = await guard('guarded/private', { type: 'rbac' }, true);
    await letDownload(id, 'alice');
    expect(await reads('guarded/private', image, 'alice')).toEqual([404, 404, 404, 404]);
  });

  it('serves by a header guard only requests with the value, by itself or inside of JSON', async () => {
    const image = await pushImage(registry, 'guarded/header', 'v1');
    await guard('guarded/header', { type: 'header', header_name: 'X-Team', header_value: 'red' });
    const status = async (headers: Record<string, string>) =>
      (await registry.request('GET', `/v2/guarded/header/manifests/${image.digest}`, { headers })).status;
    expect(await status({})).toBe(403);
    expect([await status({ 'x-team': 'red' }), await status({ 'x-team': 'blue' })]).toEqual([200, 403]);
    await guard('guarded/header', { type: 'header', header_name: 'x-id', header_value: '7', jq_filter: '.who.org' });
    const said = (json: unknown) => ({ 'x-id': Buffer.from(JSON.stringify(json)).toString('base64') });
    expect(await status(said({ who: { org: '7' } }))).toBe(200);
    for (const wrong of [{ who: { org: 7 } }, { who: { org: '8' } }, {}, null, 'x'])
      expect(await status(said(wrong))).toBe(403);
    expect(await status({ 'x-id': 'no base64 of JSON' })).toBe(403);
  });

  it('serves by a composite guard who passes one of its parts, and nobody when it has none', async () => {
    const image = await pushImage(registry, 'guarded/any', 'v1');
    const rbac = await make({ type: 'rbac' });
    const header = await make({ type: 'header', header_name: 'x-team', header_value: 'red' });
    const inner = await make({ type: 'composite', guards: [header] });
    await guard('guarded/any', { type: 'composite', guards: [rbac, inner] });
    const headers = { 'x-team': 'red' };
    const bob = await registry.request('GET', '/v2/guarded/any/manifests/v1', { as: 'bob', headers });
    expect(bob.status).toBe(200);
    expect(await reads('guarded/any', image, 'bob')).toEqual([403, 403, 403, 403]);
    await letDownload(rbac, 'bob');
    expect(await reads('guarded/any', image, 'bob')).toEqual([200, 200, 200, 200]);
    await guard('guarded/any', { type: 'composite', guards: [] });
    expect(await reads('guarded/any', image, 'admin')).toEqual([403, 403, 403, 403]);
    await guard('guarded/any', { type: 'content_redirect' });
    expect(await reads('guarded/any', image, null)).toEqual([200, 200, 200, 200]);
  });

  it('is pushed to by who may push, and its blobs are not mounted elsewhere', async () => {
    const image = await pushImage(registry, 'guarded/pushed', 'v1');
    await guard('guarded/pushed', { type: 'header', header_name: 'x-team', header_value: 'red' });
    const token = async (actions: string) => {
      const query = `service=${registry.host}&scope=repository:guarded/pushed:${actions}`;
      return (await registry.request('GET', `/token/?${query}`)).json<{ token: string }>().token;
    };
    const head = async (bearer: string) => {
      const headers = { authorization: `Bearer ${bearer}` };
      return (await registry.request('HEAD', `/v2/guarded/pushed/manifests/${image.digest}`, { as: null, headers }))
        .status;
    };
    expect([await head(await token('pull')), await head(await token('pull,push'))]).toEqual([403, 200]);
    const mount = `/v2/guarded/else/blobs/uploads/?mount=${layerOf(image)}&from=guarded/pushed`;
    expect((await registry.request('POST', mount)).status).toBe(202);
  });
});

const layerOf = (image: Made): string =>
  (JSON.parse(image.bytes.toString()) as { layers: { digest: string }[] }).layers[0]!.digest;

async function reads(name: string, image: Made, as: string | null): Promise<number[]> {
  const statuses: number[] = [];
  // Twice, so that what the first request left in memory answers the second.
  for (const path of [
    `manifests/v1`,
    `manifests/v1`,
    `blobs/${layerOf(image)}`,
    `blobs/${layerOf(image)}`,
    `tags/list`,
    `referrers/${image.digest}`,
  ])
    statuses.push((await registry.request('GET', `/v2/${name}/${path}`, { as })).status);
  expect([statuses[1], statuses[3]]).toEqual([statuses[0], statuses[2]]);
  return [statuses[0]!, ...statuses.slice(3)];
}

async function make(columns: NewGuard): Promise<string> {
  const id = newId();
  const row = { id, name: id, ...columns, guards: JSON.stringify(columns.guards ?? []) };
  const names = Object.keys(row);
  const places = names.map((_name, at) => `$${at + 1}`);
  await registry.source.query(
    `insert into content_guard (${names.join(', ')}) values (${places.join(', ')})`,
    Object.values(row),
  );
  return id;
}

async function guard(name: string, columns: NewGuard, isPrivate = false): Promise<string> {
  const id = await make(columns);
  await registry.source.transaction(async (tx) => {
    await tx.query('update distribution set content_guard_id = $1, private = $2 where base_path = $3', [
      id,
      isPrivate,
      name,
    ]);
    await announce(tx, 'distributions', name);
  });
  await writeElsewhere(registry);
  return id;
}

async function letDownload(guardId: string, user: string): Promise<void> {
  const objectKey = `core.rbaccontentguard:${guardId}`;
  const role = { role: 'core.rbaccontentguard_downloader', users: [user], groups: [], objectKey };
  await registry.source.transaction((tx) => addRole(tx, role));
  await writeElsewhere(registry);
}
