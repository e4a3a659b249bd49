import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { image, push, pushBlobs } from './fast-path-images.js';
import { startWorld, type Twin, type World } from './fast-path-world.js';
import { RawLine } from './raw-line.js';

// A runtime whose connections cannot be read early.
vi.mock('../../apps/registry/fast-path/early-reads.js', () => ({ readEarly: () => false }));

const NAME = 'team/app';
const ONE = image(1);

let world: World;
let twin: Twin;
beforeAll(async () => {
  world = await startWorld({});
  twin = world.twins[0]!;
  await pushBlobs(twin, NAME);
  await push(twin, NAME, 'latest', ONE);
});
afterAll(() => world?.close());

it('a read that is repeated is answered without being parsed where connections cannot be read early too', async () => {
  const line = await RawLine.to(twin.port);
  const ask = () => line.ask(`GET /v2/${NAME}/manifests/latest HTTP/1.1\r\nHost: registry.test\r\n\r\n`);
  const first = await ask();
  await expect.poll(async () => (await ask(), twin.fastPath.counts.repeats)).toBeGreaterThan(3);
  expect((await ask()).replace(/Date: .*/, '')).toBe(first.replace(/Date: .*/, ''));
  line.close();
});
