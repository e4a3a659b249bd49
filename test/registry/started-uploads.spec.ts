import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rotateTokenKey } from '#access/token-keys.js';
import { deleteRepository } from '#content/versions/create-repository.js';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { type RegistryProcess, sha, someBytes, startBeside, startRegistry } from './registry-process.js';
import { hoursAgo, idOf, pathOf, uploads } from './upload-requests.js';

let one: RegistryProcess;
let two: RegistryProcess;
beforeAll(async () => {
  one = await startRegistry({ HALLMARK_OPEN_UPLOADS: '40' });
  two = await startBeside(one);
});
afterAll(async () => {
  await two?.close();
  await one?.close();
});

const NAME = 'team/started';
const { start, chunk, close } = uploads(() => one);
const statusAt = async (where: RegistryProcess, method: string, path: string, body?: Buffer) =>
  (await where.request(method, path, { body })).status;
const rows = async (location: string) =>
  (await rowsOf(one.source, 'select 1 from upload where id = $1', [idOf(location)])).length;

describe('an upload that was only started', () => {
  it('has no row, is known to every process, and takes one with its first bytes', async () => {
    const bytes = someBytes(90_000);
    for (const size of [bytes.length, 500]) {
      const location = await start(NAME);
      expect(await rows(location)).toBe(0);
      const status = await two.request('GET', location);
      expect([status.status, status.headers.get('range')]).toEqual([204, '0-0']);
      expect(await rows(location)).toBe(0);
      expect(await statusAt(two, 'PATCH', location, bytes.subarray(0, size))).toBe(202);
      expect(await rows(location)).toBe(1);
      expect((await close(location, sha(bytes.subarray(0, size)))).status).toBe(201);
    }
  });

  it.each([0, 500, 90_000])('is closed by one PUT of %i bytes, and by the same again', async (size) => {
    const bytes = someBytes(size);
    const location = await start(NAME);
    const put = () => statusAt(two, 'PUT', `${location}&digest=${sha(bytes)}`, size > 0 ? bytes : undefined);
    expect([await put(), await put()]).toEqual([201, 201]);
    expect((await close(location, sha(bytes))).status).toBe(201);
    const other = someBytes(size + 1);
    expect((await close(location, sha(other), other)).status).toBe(404);
    expect(await statusAt(one, 'GET', location)).toBe(404);
    expect(await statusAt(one, 'PATCH', location, other)).toBe(404);
  });

  it.each(['before', 'after'])('is over everywhere when it was cancelled %s its first bytes', async (when) => {
    const bytes = someBytes(100);
    const location = await start(NAME);
    if (when === 'after') expect((await chunk(location, bytes, 0)).status).toBe(202);
    expect(await statusAt(two, 'DELETE', location)).toBe(204);
    for (const where of [one, two]) {
      for (const method of ['GET', 'DELETE']) expect(await statusAt(where, method, location)).toBe(404);
      for (const body of [bytes, someBytes(90_000)]) {
        expect(await statusAt(where, 'PATCH', location, body)).toBe(404);
        expect(await statusAt(where, 'PUT', `${location}&digest=${sha(body)}`, body)).toBe(404);
      }
    }
  });

  it('is over when what closed it had another digest', async () => {
    for (const size of [300, 90_000]) {
      const location = await start(NAME);
      const refused = await close(location, sha(someBytes(9)), someBytes(size));
      expect([refused.status, refused.code]).toEqual([400, 'DIGEST_INVALID']);
      expect(await statusAt(two, 'GET', location)).toBe(404);
    }
  });

  it('is nothing under an id that nobody was given', async () => {
    const location = await start(NAME);
    const invented = location.replace(idOf(location), '69d1ce43-0000-8000-8000-000000000000');
    for (const path of [invented, location.replace(NAME, 'team/others')])
      for (const method of ['GET', 'DELETE', 'PATCH']) {
        const body = method === 'PATCH' ? someBytes(10) : undefined;
        expect(await statusAt(one, method, path, body)).toBe(404);
      }
  });

  it('is forgotten after a day without a byte, and goes on with them', async () => {
    const bytes = someBytes(1000);
    const [idle, busy] = await hoursAgo(25, async () => {
      const started = [await start(NAME), await start(NAME)] as const;
      expect((await chunk(started[1], bytes.subarray(0, 400), 0)).status).toBe(202);
      return started;
    });
    for (const method of ['GET', 'DELETE']) expect(await statusAt(one, method, idle)).toBe(404);
    for (const body of [bytes, someBytes(90_000)]) {
      expect(await statusAt(one, 'PATCH', idle, body)).toBe(404);
      expect(await statusAt(one, 'PUT', `${idle}&digest=${sha(body)}`, body)).toBe(404);
    }
    expect((await chunk(busy, bytes.subarray(400), 400)).status).toBe(202);
    expect((await close(busy, sha(bytes))).status).toBe(201);
  });

  it.each([500, 90_000])(
    'goes on with chunks of %i bytes when the version before, whose ids say nothing, started it',
    async (size) => {
      const open = async () => {
        const [id, place] = [newId(), await start(NAME)];
        await one.source.query(
          `insert into upload (id, repository_id, principal)
         select $1, r.id, 'user:' || u.id from repository r, user_account u where r.name = $2 and u.username = 'admin'`,
          [id, NAME],
        );
        return place.replace(idOf(place), id);
      };
      const bytes = someBytes(2 * size);
      const [chunked, whole, cancelled] = [await open(), await open(), await open()];
      expect(await statusAt(one, 'GET', chunked)).toBe(204);
      for (const at of [0, size]) expect((await chunk(chunked, bytes.subarray(at, at + size), at)).status).toBe(202);
      for (const _ of [1, 2]) {
        expect((await close(chunked, sha(bytes))).status).toBe(201);
        expect((await close(whole, sha(bytes), bytes)).status).toBe(201);
      }
      expect(await statusAt(two, 'DELETE', cancelled)).toBe(204);
      expect(await statusAt(one, 'PATCH', cancelled, bytes)).toBe(404);
    },
  );

  it('is nothing in a repository that was made again under its name', async () => {
    const name = 'team/again';
    const location = await start(name);
    await one.source.transaction(async (tx) => {
      const [row] = await rowsOf<{ id: string }>(tx, 'select id from repository where name = $1', [name]);
      await tx.query('delete from distribution where base_path = $1', [name]);
      await deleteRepository(tx, row!.id);
    });
    const put = () => one.request('PUT', `${location}&digest=${sha('again')}`, { body: 'again' });
    await expect.poll(async () => (await put()).status).toBe(404);
    await start(name);
    expect(await put()).toMatchObject({ status: 404, code: 'BLOB_UPLOAD_UNKNOWN' });
  });

  it('goes on when the token key was changed, and is over when the key was distrusted', async () => {
    const bytes = someBytes(200);
    const [first, second, third] = [await start(NAME), await start(NAME), await start(NAME)];
    await rotateTokenKey(one.source);
    expect((await close(first, sha(bytes), bytes)).status).toBe(201);
    expect((await chunk(second, bytes, 0)).status).toBe(202);
    await rotateTokenKey(one.source, { distrust: true });
    await expect.poll(() => statusAt(one, 'GET', third)).toBe(404);
    expect((await close(second, sha(bytes))).status).toBe(201);
    const next = await start(NAME);
    expect((await close(next, sha(bytes), bytes)).status).toBe(201);
  });

  it('counts like others when its bytes come, and is answered 429 when there are too many', async () => {
    const as = 'alice';
    const begin = () => one.request('POST', `/v2/${as}/many/blobs/uploads/`, { as });
    const send = (location: string, body: Buffer) => one.request('PATCH', location, { as, body });
    const open: string[] = [];
    for (let at = 0; at < 40; at += 1) {
      open.push(pathOf(await begin()));
      expect((await send(open[at]!, someBytes(10))).status).toBe(202);
    }
    const refused = await Promise.all([
      send(pathOf(await begin()), someBytes(10)),
      send(pathOf(await begin()), someBytes(90_000)),
    ]);
    expect(refused.map(({ status, code }) => [status, code])).toEqual([
      [429, 'TOOMANYREQUESTS'],
      [429, 'TOOMANYREQUESTS'],
    ]);
    expect((await two.request('DELETE', open[0]!, { as })).status).toBe(204);
    const bytes = someBytes(90_000);
    expect((await send(pathOf(await begin()), bytes)).status).toBe(202);
    expect((await send(open[1]!, bytes)).status).toBe(202);
  });
});
