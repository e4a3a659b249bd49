import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { flowInto, type Take } from './flow-into.js';

const steady = { idleMs: undefined, idleBytes: 1 };
const chunks = (...texts: string[]) => texts.map((text) => Buffer.from(text));

/** Takes everything, and gives what came. */
function taking(): { took: string[]; take: Take } {
  const took: string[] = [];
  return { took, take: (chunk) => void took.push(chunk.toString()) };
}

describe('a stream that flows into something', () => {
  it('gives its chunks one by one and ends', async () => {
    const { took, take } = taking();
    expect(await flowInto(Readable.from(chunks('a', 'b', 'c')), take, steady)).toBeUndefined();
    expect(took).toEqual(['a', 'b', 'c']);
  });

  it('gives nothing more while a chunk is worked on, also when it ends or breaks off meanwhile', async () => {
    for (const broken of [undefined, new Error('cut')]) {
      const stream = new PassThrough();
      const took: string[] = [];
      let done = () => undefined as void;
      const flowing = flowInto(
        stream,
        (chunk) => {
          took.push(chunk.toString());
          return took.length === 1 ? new Promise<void>((resolve) => (done = resolve)) : undefined;
        },
        steady,
      );
      let isOver = false;
      void flowing.then(() => (isOver = true));
      stream.write('a');
      await expect.poll(() => took).toEqual(['a']);
      if (broken) stream.destroy(broken);
      else stream.end('b');
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      expect([took, isOver]).toEqual([['a'], false]);
      done();
      expect(await flowing).toEqual(broken && { error: broken });
      expect(took).toEqual(broken ? ['a'] : ['a', 'b']);
    }
  });

  it('is left as it is when it was enough, and somebody else can take the rest', async () => {
    const stream = new PassThrough();
    stream.write('a');
    expect(await flowInto(stream, () => false, steady)).toBeUndefined();
    expect([stream.destroyed, stream.isPaused()]).toEqual([false, true]);
    stream.end('b');
    const { took, take } = taking();
    await flowInto(stream, take, steady);
    expect(took).toEqual(['b']);
  });

  it('tells how it broke off, also when that was before', async () => {
    const error = new Error('cut');
    const stream = new PassThrough();
    stream.on('error', () => undefined);
    stream.destroy(error);
    await new Promise(setImmediate);
    expect(await flowInto(stream, () => undefined, steady)).toEqual({ error });
    const closed = new PassThrough();
    closed.destroy();
    expect(await flowInto(closed, () => undefined, steady)).toMatchObject({
      error: { code: 'ERR_STREAM_PREMATURE_CLOSE' },
    });
  });

  it('throws what fails with its chunks, at once or later, and takes nothing more', async () => {
    const failures: Take[] = [
      () => {
        throw new Error('full');
      },
      () => Promise.reject(new Error('full')),
    ];
    for (const fail of failures) {
      const take = vi.fn(fail);
      const stream = Readable.from(chunks('a', 'b'));
      await expect(flowInto(stream, take, steady)).rejects.toThrow('full');
      expect(take).toHaveBeenCalledOnce();
      expect(stream.destroyed).toBe(false);
      expect(stream.listenerCount('data')).toBe(0);
    }
  });

  it('is destroyed when too little comes, but not while what came is worked on', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const stream = new PassThrough();
      let done = () => undefined as void;
      const flowing = flowInto(stream, () => new Promise<void>((resolve) => (done = resolve)), {
        idleMs: 1000,
        idleBytes: 5,
      });
      stream.write('abc');
      await new Promise(setImmediate);
      vi.advanceTimersByTime(5000);
      expect(stream.destroyed).toBe(false);
      done();
      await new Promise(setImmediate);
      vi.advanceTimersByTime(1000);
      expect(stream.destroyed).toBe(true);
      expect(await flowing).toMatchObject({ error: { code: 'BLOB_UPLOAD_INVALID' } });
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
