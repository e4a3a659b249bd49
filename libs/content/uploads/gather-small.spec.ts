import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { gatherSmall, isSmall } from './gather-small.js';
import { MOST_IN_ROW } from '../bytes/blob-bytes.js';

describe('a small body', () => {
  it('is one that says a length up to the limit, and begins at the beginning', () => {
    expect([1, MOST_IN_ROW].map((length) => isSmall({ length }))).toEqual([true, true]);
    expect([0, MOST_IN_ROW + 1, undefined].map((length) => isSmall({ length }))).toEqual([false, false, false]);
    expect([0, 1].map((start) => isSmall({ length: 5, start }))).toEqual([true, false]);
    expect(isSmall({ length: 5 }, 4)).toBe(false);
  });

  it('is in memory when all of it has come', async () => {
    const bytes = Readable.from([Buffer.from('one '), Buffer.from('two')], { objectMode: false });
    expect((await gatherSmall({ bytes, length: 7 })).bytes?.toString()).toBe('one two');
  });

  it('is given back whole when it is slow, the rest as it comes', async () => {
    const bytes = new PassThrough();
    bytes.write('first');
    const gathered = await gatherSmall({ bytes, length: 10 }, 5);
    expect(gathered.bytes).toBeUndefined();
    bytes.end('other');
    expect((await buffer((gathered as { rest: Readable }).rest)).toString()).toBe('firstother');
  });

  it('is given back when it has another length than it says', async () => {
    for (const length of [3, 11]) {
      const bytes = Readable.from([Buffer.from('ten bytes!')], { objectMode: false });
      const gathered = await gatherSmall({ bytes, length });
      expect((await buffer((gathered as { rest: Readable }).rest)).toString()).toBe('ten bytes!');
    }
  });

  it('is given back with its break at the end', async () => {
    const bytes = new PassThrough();
    bytes.write('part');
    setImmediate(() => bytes.destroy(new Error('cut')));
    const { rest } = (await gatherSmall({ bytes, length: 10 })) as { rest: Readable };
    const got: Buffer[] = [];
    const reading = async () => {
      for await (const chunk of rest) got.push(chunk as Buffer);
    };
    await expect(reading()).rejects.toThrow('cut');
    expect(Buffer.concat(got).toString()).toBe('part');
  });
});
