import { describe, expect, it } from 'vitest';
import { Batches } from './batches.js';

const later = () => new Promise((done) => setImmediate(done));

describe('batches', () => {
  it('gather what comes while one runs, and give each its own result', async () => {
    const seen: number[][] = [];
    let end = () => {};
    const batches = new Batches(async (items: readonly number[]) => {
      seen.push([...items]);
      await new Promise<void>((done) => (end = done));
      return items.map((item) => item * 10);
    });
    const first = [batches.do(1), batches.do(2)];
    await later();
    const second = [batches.do(3), batches.do(4), batches.do(5)];
    await later();
    expect(seen).toEqual([[1, 2]]);
    end();
    expect(await Promise.all(first)).toEqual([10, 20]);
    await later();
    await later();
    end();
    expect(await Promise.all(second)).toEqual([30, 40, 50]);
    expect(seen).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
  });

  it('are no larger and no more at once than allowed', async () => {
    let [running, most] = [0, 0];
    const sizes: number[] = [];
    const batches = new Batches(
      async (items: readonly number[]) => {
        sizes.push(items.length);
        most = Math.max(most, (running += 1));
        await later();
        running -= 1;
        return items;
      },
      { atOnce: 2, most: 3 },
    );
    await Promise.all(Array.from({ length: 10 }, (_each, at) => batches.do(at)));
    expect([sizes, most]).toEqual([[3, 3, 3, 1], 2]);
  });

  it('that fail are done again one by one, so that only the one to blame fails', async () => {
    const batches = new Batches((items: readonly number[]) =>
      items.includes(2) ? Promise.reject(new Error('two')) : Promise.resolve(items),
    );
    const results = await Promise.allSettled([1, 2, 3].map((item) => batches.do(item)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('gather a trickle when they may not begin at any moment, but let the first one begin at once', async () => {
    const sizes: number[] = [];
    const batches = new Batches(
      async (items: readonly number[]) => {
        sizes.push(items.length);
        return items;
      },
      { everyMs: 200 },
    );
    await batches.do(0);
    const trickle: Promise<number>[] = [];
    for (let at = 0; at < 5; at += 1) {
      trickle.push(batches.do(at));
      await later();
    }
    await Promise.all(trickle);
    expect(sizes).toEqual([1, 5]);
  });
});
