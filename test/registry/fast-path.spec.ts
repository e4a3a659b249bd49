import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addRole, removeRole } from '#access/role-assignments.js';
import { announce } from '#platform/change-feed.js';
import { image, LAYERS, push, pushBlobs } from './fast-path-images.js';
import { as, startWorld, tokenOf, type Twin, warm, type World } from './fast-path-world.js';
import { ELSEWHERE } from './registry-app.js';

const NAME = 'team/app';
const TAG = `/v2/${NAME}/manifests/latest`;
const [ONE, TWO] = [image(1), image(2)];

let world: World;
let here: Twin;
let there: Twin;
beforeAll(async () => {
  world = await startWorld({}, {});
  [here, there] = world.twins as [Twin, Twin];
  await pushBlobs(here, NAME);
});
afterAll(() => world?.close());
beforeEach(async () => {
  await setPrivate(false);
  await push(here, NAME, 'latest', ONE);
  await world.settle();
  for (const twin of world.twins) await warm(twin, TAG);
});

async function setPrivate(on: boolean): Promise<void> {
  await world.source.transaction(async (tx) => {
    await tx.query('update distribution set private = $2 where base_path = $1', [NAME, on]);
    await announce(tx, 'distributions', NAME);
  });
}

const digestAt = async (twin: Twin, headers = {}) =>
  (await twin.send('GET', TAG, headers)).header('docker-content-digest');

/** Milliseconds until something holds. */
async function timeUntil(holds: () => Promise<boolean>): Promise<number> {
  const start = performance.now();
  while (!(await holds())) {
    if (performance.now() - start > 5000) throw new Error('it never came to hold');
    await sleep(10);
  }
  return performance.now() - start;
}

describe('the fast path', () => {
  it('asks no database for what it knows', async () => {
    const before = here.statements();
    for (let at = 0; at < 50; at += 1) await here.send('GET', TAG);
    // The background reading, twice a second.
    expect(here.statements() - before).toBeLessThan(10);
  });

  it.each(LAYERS)('sends a part of a blob of $size bytes without asking anybody', async ({ digest, bytes }) => {
    const path = `/v2/${NAME}/blobs/${digest}`;
    await warm(here, path);
    const { hits } = here.fastPath.counts;
    const answer = await here.send('GET', path, { range: 'bytes=123-456' });
    expect([answer.status, answer.header('content-range')]).toEqual([206, `bytes 123-456/${bytes.length}`]);
    expect(answer.bytes.equals(bytes.subarray(123, 457))).toBe(true);
    expect(here.fastPath.counts.hits).toBe(hits + 1);
  });

  it('shows a moved tag at once to the one who pushed it, and everywhere in no time', async () => {
    here.feed.deaf = true;
    try {
      for (const each of [TWO, ONE, TWO, ONE, TWO]) {
        await push(here, NAME, 'latest', each);
        expect(await digestAt(here)).toBe(each.digest);
      }
    } finally {
      here.feed.deaf = false;
    }
    expect(await timeUntil(async () => (await digestAt(there)) === TWO.digest)).toBeLessThan(500);
  });

  it('shows a moved tag within a second although the announcement is lost', async () => {
    there.feed.deaf = true;
    try {
      await push(here, NAME, 'latest', TWO);
      expect(await timeUntil(async () => (await digestAt(there)) === TWO.digest)).toBeLessThan(1200);
    } finally {
      there.feed.deaf = false;
    }
  });

  it('answers nothing from memory while the feed is down', async () => {
    there.feed.connected = false;
    try {
      const { hits } = there.fastPath.counts;
      await push(here, NAME, 'latest', TWO);
      expect(await digestAt(there)).toBe(TWO.digest);
      expect(there.fastPath.counts.hits).toBe(hits);
    } finally {
      there.feed.connected = true;
    }
  });

  it('forgets what it knew when the feed was cut', async () => {
    const before = (await there.send('GET', TAG)).header('docker-content-digest');
    expect(before).toBe(ONE.digest);
    const back = Promise.all(world.twins.map(({ feed }) => new Promise<void>((done) => feed.onReset(done))));
    await world.source.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hallmark changes' and datname = current_database()`,
    );
    await push(here, NAME, 'latest', TWO);
    await back;
    expect(await digestAt(there)).toBe(TWO.digest);
  });

  it('refuses what was deleted, at once where it was deleted and soon elsewhere', async () => {
    await push(here, NAME, 'gone', image(3));
    const path = `/v2/${NAME}/manifests/gone`;
    for (const twin of world.twins) await warm(twin, path);
    await here.send('DELETE', path, as('admin'));
    expect((await here.send('GET', path)).status).toBe(404);
    await world.settle();
    expect((await there.send('GET', path)).status).toBe(404);
  });

  it('refuses what became private, also when the announcement is lost', async () => {
    there.feed.deaf = true;
    try {
      await setPrivate(true);
      const refused = async () => (await there.send('GET', TAG)).status === 401;
      expect(await timeUntil(refused)).toBeLessThan(1200);
      expect((await there.send('GET', `/v2/${NAME}/blobs/${LAYERS[0].digest}`)).status).toBe(401);
    } finally {
      there.feed.deaf = false;
    }
  });

  it('lets into a private repository only as long as the right is held', async () => {
    await setPrivate(true);
    await world.settle();
    const [{ id }] = await world.source.query('select id from distribution where base_path = $1', [NAME]);
    const objectKey = `container.containerdistribution:${id}`;
    const role = { role: 'container.containerdistribution_consumer', users: ['bob'], objectKey };
    expect((await here.send('GET', TAG, as('bob'))).status).toBe(404);
    await world.source.transaction((tx) => addRole(tx, role));
    await world.settle();
    const token = await tokenOf(here, 'bob', NAME);
    for (const headers of [as('bob'), token]) await warm(here, TAG, headers);
    await world.source.transaction((tx) => removeRole(tx, role));
    await world.settle();
    expect((await here.send('GET', TAG, as('bob'))).status).toBe(404);
    expect((await here.send('GET', TAG, token)).status).toBe(401);
    expect((await here.send('GET', TAG)).status).toBe(401);
  });

  it('does not read again and again what only the slow path serves, and notices when that is over', async () => {
    const path = '/v2/team/later/manifests/latest';
    const asked = async () => {
      const before = here.statements();
      expect((await here.send('GET', path, as('admin'))).status).toBe(404);
      return here.statements() - before;
    };
    const first = await asked();
    await expect.poll(asked).toBe(first - 1);
    await pushBlobs(here, 'team/later');
    await push(here, 'team/later', 'latest', ONE);
    expect((await here.send('GET', path, as('admin'))).status).toBe(200);
    await warm(here, path, as('admin'));
  });

  it('C9 believes nobody any more once this process has answered a change, also when the announcement is lost', async () => {
    await setPrivate(true);
    await world.settle();
    const token = await tokenOf(here, 'admin', NAME);
    for (const headers of [as('admin'), token]) await warm(here, TAG, headers);
    const statuses = async () => [
      (await here.send('GET', TAG, as('admin'))).status,
      (await here.send('GET', TAG, token)).status,
    ];
    const active = (on: boolean) =>
      world.source.query("update user_account set is_active = $1 where username = 'admin'", [on]);
    here.feed.deaf = true;
    try {
      await active(false);
      expect(await statuses()).toEqual([200, 200]);
      expect((await here.send('POST', `${ELSEWHERE}/refused`)).status).toBe(404);
      expect(await statuses()).toEqual([200, 200]);
      expect((await here.send('POST', ELSEWHERE)).status).toBe(200);
      expect(await statuses()).toEqual([401, 401]);
    } finally {
      here.feed.deaf = false;
      await active(true);
      await here.send('POST', ELSEWHERE);
    }
  });

  it('asks the database once for many readers of one tag', async () => {
    await push(here, NAME, 'latest', TWO);
    const before = here.statements();
    const answers = await Promise.all(Array.from({ length: 30 }, () => here.send('GET', TAG)));
    expect(new Set(answers.map((answer) => answer.header('docker-content-digest')))).toEqual(new Set([TWO.digest]));
    expect(here.statements() - before).toBeLessThan(10);
  });
});
