import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { LAYERS, image, push, pushBlobs } from './fast-path-images.js';
import { makePolicies, type Policies } from './fast-path-policies.js';
import { manifests } from './fast-path-asks.js';
import { startWorld, type Twin, warm, type World } from './fast-path-world.js';

const NAME = 'team/app';
const TAG = `/v2/${NAME}/manifests/signed`;
const BARE = `/v2/${NAME}/manifests/bare`;
const BLOB = `/v2/${NAME}/blobs/${LAYERS[0].digest}`;

let world: World;
let here: Twin;
let there: Twin;
let policies: Policies;
beforeAll(async () => {
  world = await startWorld({}, {});
  [here, there] = world.twins as [Twin, Twin];
  await pushBlobs(here, NAME);
  await push(here, NAME, 'signed', manifests[0]!);
  await push(here, NAME, 'bare', image(77));
  policies = await makePolicies(world);
  await policies.perform({ do: 'sign', name: NAME, which: 0 });
});
afterAll(() => world?.close());
beforeEach(async () => {
  await policies.reset();
  await put('enforce');
});

const put = (which: 'enforce' | 'audit' | 'stranger' | null) => policies.perform({ do: 'policy', name: NAME, which });
const statusOf = async (twin: Twin, path: string) => (await twin.send('GET', path)).status;

describe('the fast path of a distribution with a trust policy', () => {
  it('asks nobody for what is trusted, its blobs included', async () => {
    for (const path of [TAG, BLOB]) {
      await warm(here, path);
      const before = here.statements();
      for (let at = 0; at < 50; at += 1) expect(await statusOf(here, path)).toBe(200);
      // The background reading, twice a second.
      expect(here.statements() - before).toBeLessThan(10);
    }
  });

  it('leaves what is refused, and what is only warned of, to the gate', async () => {
    const { hits } = here.fastPath.counts;
    for (let again = 0; again < 3; again += 1) expect(await statusOf(here, BARE)).toBe(403);
    await put('audit');
    for (let again = 0; again < 3; again += 1) {
      const answer = await here.send('GET', BARE);
      expect([answer.status, answer.header('warning')]).toEqual([200, '299 - "not trusted: audit"']);
    }
    expect(here.fastPath.counts.hits).toBe(hits);
  });

  it('refuses what a changed policy no longer trusts, within a second also when the announcement is lost', async () => {
    for (const twin of world.twins) await warm(twin, TAG);
    there.feed.deaf = true;
    try {
      await policies.perform({ do: 'rekey', trusted: false });
      expect(await statusOf(here, TAG)).toBe(403);
      await vi.waitFor(async () => expect(await statusOf(there, TAG)).toBe(403), { timeout: 1500, interval: 20 });
    } finally {
      there.feed.deaf = false;
    }
  });

  it('serves what was signed, and refuses it when the policy is another one', async () => {
    expect(await statusOf(here, BARE)).toBe(403);
    await push(here, NAME, 'bare', manifests[0]!);
    await warm(here, BARE);
    await put('stranger');
    expect(await statusOf(here, BARE)).toBe(403);
    await push(here, NAME, 'bare', image(77));
  });

  it('asks the gate again after some seconds, for what is trusted may expire', async () => {
    await warm(here, TAG);
    const decide = vi.spyOn(here.fastPath.trust, 'decide');
    await here.send('GET', TAG);
    expect(decide).not.toHaveBeenCalled();
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 10_000);
    try {
      expect(await statusOf(here, TAG)).toBe(200);
      expect(decide).toHaveBeenCalledTimes(1);
    } finally {
      clock.mockRestore();
    }
  });
});
