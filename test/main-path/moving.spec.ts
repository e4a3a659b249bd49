import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASIC as basic, pushImage, putManifest, repositoryNamed } from './pushing.js';
import { type Json, startStandalone, type Standalone } from './standalone-process.js';

let [here, there]: Standalone[] = [];
beforeAll(async () => {
  [here, there] = await Promise.all([startStandalone(), startStandalone()]);
}, 120_000);
afterAll(async () => {
  await Promise.all([here?.stop(), there?.stop()]);
});

describe('moving a version', () => {
  it('as an archive from one Hallmark to an empty one and back gives the same bytes', async () => {
    const image = await pushImage(here!, 'move/app', { tag: 'v1' });
    await pushImage(here!, 'move/app', { subject: image });
    const source = await repositoryNamed(here!, 'move/app');
    const archive = await download(here!, `${source['latest_version_href'] as string}oci-layout.tar`);
    expect(archive.headers.get('content-type')).toBe('application/x-tar');
    expect(Number(archive.headers.get('content-length'))).toBe(archive.bytes.length);

    await pushImage(there!, 'move/app', { tag: 'old' });
    const target = await repositoryNamed(there!, 'move/app');
    const task = await upload(there!, `${target['pulp_href'] as string}import/`, archive.bytes);
    expect(task).toMatchObject({ state: 'completed', name: 'hallmark.tasks.import_layout' });
    const version = (task['created_resources'] as unknown as string[])[0]!;
    const again = await download(there!, `${version}oci-layout.tar?tags=v1`);
    const once = await download(here!, `${source['latest_version_href'] as string}oci-layout.tar?tags=v1`);
    expect(again.bytes.equals(once.bytes)).toBe(true);
    expect(
      (await upload(there!, `${target['pulp_href'] as string}import/`, archive.bytes))['created_resources'],
    ).toEqual([]);
    const referrers = await fetch(`${there!.url}/v2/move/app/referrers/${image.digest}`, { headers: basic });
    expect(((await referrers.json()) as { manifests: unknown[] }).manifests).toHaveLength(1);
  });

  it('answers ranges, conditions and a refusal before the first byte', async () => {
    const href = (await repositoryNamed(here!, 'move/app'))['latest_version_href'] as string;
    const whole = await download(here!, `${href}oci-layout.tar`);
    const part = await download(here!, `${href}oci-layout.tar`, { range: 'bytes=512-1023' });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 512-1023/${whole.bytes.length}`]);
    expect(part.bytes.equals(whole.bytes.subarray(512, 1024))).toBe(true);
    const beyond = await download(here!, `${href}oci-layout.tar`, { range: `bytes=${whole.bytes.length}-` });
    expect(beyond.status).toBe(416);
    const unchanged = await download(here!, `${href}oci-layout.tar`, { 'if-none-match': whole.headers.get('etag')! });
    expect(unchanged.status).toBe(304);
    expect((await here!.call('GET', `${href}oci-layout.tar?tags=nothing`)).status).toBeGreaterThanOrEqual(400);
    expect((await here!.call('GET', `${href}oci-layout.tar?signatures=perhaps`)).body).toHaveProperty('signatures');
  });

  it('refuses an archive that is none, and the repository stays as it is', async () => {
    const target = await repositoryNamed(there!, 'move/app');
    const task = await upload(there!, `${target['pulp_href'] as string}import/`, randomBytes(4096));
    expect(task['state']).toBe('failed');
    expect(task['error']['description']).toBeTruthy();
    expect((await repositoryNamed(there!, 'move/app'))['latest_version_href']).toBe(target['latest_version_href']);
  });
});

describe('comparing versions', () => {
  it('names tags that came, moved and went', async () => {
    const [one, two] = [
      await pushImage(here!, 'diff/app', { tag: 'a' }),
      await pushImage(here!, 'diff/app', { tag: 'b' }),
    ];
    await putManifest(here!, 'diff/app', 'a', two);
    const repository = await repositoryNamed(here!, 'diff/app');
    const { body } = await here!.call(
      'GET',
      `${repository['latest_version_href'] as string}diff/?base=${repository['versions_href'] as string}1/`,
    );
    expect(body['tags']).toEqual({
      added: [{ name: 'b', from: null, to: two.digest }],
      changed: [{ name: 'a', from: one.digest, to: two.digest }],
      removed: [],
    });
    const back = await here!.call('GET', `${repository['versions_href'] as string}1/diff/?base=3`);
    expect(back.body['tags']).toMatchObject({ removed: [{ name: 'b', from: two.digest, to: null }] });
    expect((await here!.call('GET', `${repository['latest_version_href'] as string}diff/?base=99`)).status).toBe(400);
  });
});

async function download(hallmark: Standalone, path: string, headers: Record<string, string> = {}) {
  const answer = await fetch(new URL(path, hallmark.url), { headers: { ...basic, ...headers } });
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
}

async function upload(hallmark: Standalone, path: string, bytes: Buffer): Promise<Json> {
  const headers = { ...basic, 'content-type': 'application/x-tar' };
  const answer = await fetch(new URL(path, hallmark.url), { method: 'POST', headers, body: new Uint8Array(bytes) });
  expect(answer.status).toBe(202);
  const { task } = (await answer.json()) as { task: string };
  for (;;) {
    const { body } = await hallmark.call('GET', task);
    if (['completed', 'failed', 'canceled'].includes(body['state'] as string)) return body;
    await new Promise((done) => setTimeout(done, 30));
  }
}
