import { expect, it, vi } from 'vitest';
import type { Change, ChangeFeed } from '#platform/change-feed.js';
import { AccessCache } from './access-cache.js';
import { AccessChanges } from './access-changes.js';

function setUp() {
  const listeners: ((change: Change) => void)[] = [];
  const resetters: (() => void)[] = [];
  const feed = {
    connected: true,
    onChange: (listener: (change: Change) => void) => {
      listeners.push(listener);
      return () => undefined;
    },
    onReset: (reset: () => void) => {
      resetters.push(reset);
      return () => undefined;
    },
  };
  const changes = new AccessChanges(feed as unknown as ChangeFeed);
  return {
    feed,
    identity: new AccessCache<string>(changes, 'identity'),
    grants: new AccessCache<string>(changes, 'grants'),
    announce: (key: string, topic = 'access') => listeners.forEach((listener) => listener({ topic, key })),
    reset: () => resetters.forEach((listener) => listener()),
  };
}

const seven = () => Promise.resolve({ value: 'seven', account: 7 });

it('reads once for all who ask at the same time and for those who ask later', async () => {
  const { identity } = setUp();
  const read = vi.fn<typeof seven>(seven);
  expect(await Promise.all([identity.load('a', read), identity.load('a', read)])).toEqual(['seven', 'seven']);
  expect(await identity.load('a', read)).toBe('seven');
  expect(read).toHaveBeenCalledTimes(1);
});

it.each([
  ['identity:7', false, false],
  ['identity:8', true, true],
  ['identity:*', false, false],
  ['grants:7', true, false],
  ['grants:*', true, false],
  ['keys:*', false, false],
  ['7', false, false],
])('after the change %s who somebody is stays known: %s, what he may: %s', async (key, keepsIdentity, keepsGrants) => {
  const { identity, grants, announce } = setUp();
  await identity.load('a', seven);
  await grants.load('a', seven);
  announce(key);
  expect(identity.get('a') !== undefined).toBe(keepsIdentity);
  expect(grants.get('a') !== undefined).toBe(keepsGrants);
});

it('changes of other topics do not matter', async () => {
  const { identity, announce } = setUp();
  await identity.load('a', seven);
  announce('identity:7', 'content');
  expect(identity.get('a')).toBe('seven');
});

it('what was not found is looked for again after any change', async () => {
  const { identity, announce } = setUp();
  await identity.load('a', () => Promise.resolve({ value: 'nobody', account: null }));
  announce('identity:9');
  expect(identity.get('a')).toBeUndefined();
});

it('a read that a change overtook is answered but not kept, nor joined by those who come after the change', async () => {
  const { identity, announce } = setUp();
  let arrive!: (loaded: { value: string; account: number }) => void;
  const early = identity.load('a', () => new Promise((done) => (arrive = done)));
  announce('identity:7');
  const late = identity.load('a', () => Promise.resolve({ value: 'new', account: 7 }));
  arrive({ value: 'old', account: 7 });
  expect(await early).toBe('old');
  expect(await late).toBe('new');
  expect(identity.get('a')).toBe('new');
});

it('a failed read is not kept', async () => {
  const { identity } = setUp();
  await expect(identity.load('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
  expect(await identity.load('a', seven)).toBe('seven');
});

it('answers nothing while the feed is down and has forgotten everything when it is back', async () => {
  const { feed, identity, reset } = setUp();
  await identity.load('a', seven);
  feed.connected = false;
  expect(identity.get('a')).toBeUndefined();
  feed.connected = true;
  reset();
  expect(identity.get('a')).toBeUndefined();
});

it('forgets after a minute even when nobody announced anything, and sooner when told', async () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000);
  const at = async (time: number) => {
    clock.mockReturnValue(time);
    await new Promise((done) => setTimeout(done, 5));
  };
  const { identity } = setUp();
  await identity.load('a', seven);
  identity.put('b', { value: 'short', account: 7 }, 0, 1_000);
  identity.put('c', { value: 'over', account: 7 }, 0, 0);
  expect(identity.get('c')).toBeUndefined();
  await at(3_000);
  expect(identity.get('a')).toBe('seven');
  expect(identity.get('b')).toBeUndefined();
  await at(62_000);
  expect(identity.get('a')).toBeUndefined();
  clock.mockRestore();
});
