import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { attachments, tagOf } from './attachments.js';
import { makeImage, pushImage, putManifest } from './content.js';
import { type RegistryProcess, sha, someBytes, startBeside, startRegistry } from './registry-process.js';
import { idOf, uploads } from './upload-requests.js';

let one: RegistryProcess;
let two: RegistryProcess;
beforeAll(async () => {
  one = await startRegistry();
  two = await startBeside(one);
});
afterAll(async () => {
  await two?.close();
  await one?.close();
});

const NAME = 'team/processes';
const { start, chunk: chunkAtOne } = uploads(() => one);
const { chunk: chunkAtTwo } = uploads(() => two);

describe('two registry processes', () => {
  it('D7 carry one upload on, whichever gets the next request', async () => {
    const bytes = someBytes(200_000);
    const location = await start(NAME);
    expect((await chunkAtOne(location, bytes.subarray(0, 90_000), 0)).status).toBe(202);
    expect((await chunkAtTwo(location, bytes.subarray(90_000), 90_000)).status).toBe(202);
    expect((await one.request('GET', location)).headers.get('range')).toBe('0-199999');
    expect((await two.request('PUT', `${location}&digest=${sha(bytes)}`)).status).toBe(201);
    expect((await one.request('PUT', `${location}&digest=${sha(bytes)}`)).status).toBe(201);
    expect((await one.request('GET', `/v2/${NAME}/blobs/${sha(bytes)}`)).bytes.equals(bytes)).toBe(true);
  });

  it('D3 never mix what two of them write to one upload', async () => {
    for (let round = 0; round < 5; round += 1) {
      const [mine, yours] = [someBytes(300_000), someBytes(300_000)];
      const location = await start(NAME);
      const answers = await Promise.all([chunkAtOne(location, mine, 0), chunkAtTwo(location, yours, 0)]);
      expect(answers.map((each) => each.status).sort()).toEqual([202, 416]);
      const digest = sha(answers[0].status === 202 ? mine : yours);
      expect((await one.request('PUT', `${location}&digest=${digest}`)).status).toBe(201);
    }
  });

  it('let a lease that its process did not give back run out', async () => {
    const bytes = someBytes(1000);
    const location = await start(NAME);
    const id = idOf(location);
    expect((await chunkAtOne(location, bytes.subarray(0, 400), 0)).status).toBe(202);
    await one.source.query(
      `update upload set lease_id = gen_random_uuid(), lease_until = now() + interval '1 second' where id = $1`,
      [id],
    );
    expect((await chunkAtTwo(location, bytes.subarray(400), 400)).status).toBe(202);
    await one.source.query(
      `update upload set lease_id = gen_random_uuid(), lease_until = now() + interval '1 hour' where id = $1`,
      [id],
    );
    const refused = await chunkAtTwo(location, bytes, 1000);
    expect([refused.status, refused.code, refused.headers.get('range')]).toEqual([416, 'BLOB_UPLOAD_INVALID', '0-999']);
  });

  it('tell who still writes to an upload that the other one cancelled, and keep nothing of it', async () => {
    for (const method of ['PATCH', 'PUT']) {
      const location = await start(NAME);
      const [first, rest] = [someBytes(70_000), someBytes(70_000)];
      let go = () => {};
      const cancelled = new Promise<void>((done) => (go = done));
      const body = ReadableStream.from(
        (async function* () {
          yield first;
          await cancelled;
          yield rest;
        })(),
      );
      const path = method === 'PUT' ? `${location}&digest=${sha(Buffer.concat([first, rest]))}` : location;
      const writing = one.request(method, path, { body });
      const leased = 'select 1 from upload where id = $1 and lease_until > now()';
      await expect.poll(async () => (await one.source.query(leased, [idOf(location)])).length).toBe(1);
      expect((await two.request('DELETE', location)).status).toBe(204);
      go();
      const answer = await writing;
      expect([answer.status, answer.code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
      const left: string[] = [];
      for await (const { uploadId } of one.store.listStaged()) left.push(uploadId);
      expect(left).not.toContain(idOf(location));
    }
  });

  it('serve by digest the index of referrers that the other one gave out by tag', async () => {
    const subject = await pushImage(one, NAME, 'subject');
    await attachments(() => one).attach(NAME, subject);
    const tag = `/v2/${NAME}/manifests/${tagOf(subject.digest)}`;
    const digest = (await one.request('HEAD', tag)).headers.get('docker-content-digest')!;
    await vi.waitFor(async () => {
      const answer = await two.request('GET', `/v2/${NAME}/manifests/${digest}`);
      expect([answer.status, sha(answer.bytes)]).toEqual([200, digest]);
    });
    expect((await two.request('GET', `/v2/team/elsewhere/manifests/${digest}`)).status).toBe(404);
  });

  it('agree on the tag of many writers', async () => {
    await pushImage(one, NAME, 'raced');
    const images = await Promise.all(Array.from({ length: 10 }, () => makeImage(one, NAME)));
    const answers = await Promise.all(images.map((image, at) => putManifest(at % 2 ? one : two, NAME, 'raced', image)));
    expect(new Set(answers.map((each) => each.status))).toEqual(new Set([201]));
    await new Promise((done) => setTimeout(done, 1100));
    const seen = await Promise.all([one, two].map((each) => each.request('HEAD', `/v2/${NAME}/manifests/raced`)));
    expect(seen[0]!.headers.get('docker-content-digest')).toBe(seen[1]!.headers.get('docker-content-digest'));
  });
});
