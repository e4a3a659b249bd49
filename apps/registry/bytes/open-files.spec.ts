import { fstatSync } from 'node:fs';
import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OpenFiles } from './open-files.js';

const SIZE = 100;
let folder: string;
let path: string;
let files: OpenFiles;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  folder = await mkdtemp(join(tmpdir(), 'hallmark-open-'));
  path = join(folder, 'blob');
  await writeFile(path, Buffer.alloc(SIZE));
  files = new OpenFiles({ milliseconds: 1000, most: 2 });
});
afterEach(async () => {
  vi.runAllTimers();
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

/** Tells whether a descriptor still is of a file that it once was of; numbers are used again. */
function watched(descriptor: number): () => boolean {
  const { ino } = fstatSync(descriptor);
  return () => {
    try {
      return fstatSync(descriptor).ino === ino;
    } catch {
      return false;
    }
  };
}

describe('open files', () => {
  it('are given to everybody who comes within a moment, and closed when it is over and nobody has them', async () => {
    const one = await files.open(path, SIZE);
    const isOpen = watched(one.descriptor);
    one.release();
    const two = await files.open(path, SIZE);
    expect(two.descriptor).toBe(one.descriptor);
    vi.advanceTimersByTime(1000);
    const three = await files.open(path, SIZE);
    expect(three.descriptor).not.toBe(two.descriptor);
    expect(isOpen()).toBe(true);
    two.release();
    expect(isOpen()).toBe(false);
    three.release();
    vi.runAllTimers();
  });

  it('are not given any more when the file is removed or another one', async () => {
    const before = await files.open(path, SIZE);
    await rm(path);
    await expect(files.open(path, SIZE)).rejects.toThrow('ENOENT');
    await writeFile(path, Buffer.alloc(SIZE, 1));
    const after = await files.open(path, SIZE);
    expect(fstatSync(after.descriptor).ino).toBe((await stat(path)).ino);
    const isOpen = watched(before.descriptor);
    before.release();
    expect(isOpen()).toBe(false);
    after.release();
  });

  it.each([50, 150])('are refused when they have %i bytes and should have 100, and closed', async (size) => {
    const kept = await files.open(path, SIZE);
    const isOpen = watched(kept.descriptor);
    await truncate(path, size);
    await expect(files.open(path, SIZE)).rejects.toThrow('the size that it should have');
    kept.release();
    expect(isOpen()).toBe(false);
  });

  it('are kept up to a bound; what is opened beyond is closed by whoever has it', async () => {
    const paths = ['a', 'b', 'c'].map((name) => join(folder, name));
    const open: (() => boolean)[] = [];
    for (const each of paths) {
      await writeFile(each, Buffer.alloc(SIZE));
      const file = await files.open(each, SIZE);
      open.push(watched(file.descriptor));
      file.release();
    }
    expect(open.map((isOpen) => isOpen())).toEqual([true, true, false]);
    vi.advanceTimersByTime(1000);
    expect(open.map((isOpen) => isOpen())).toEqual([false, false, false]);
  });

  it('are opened for each who comes at the same time, and kept once', async () => {
    const both = await Promise.all([files.open(path, SIZE), files.open(path, SIZE)]);
    const open = both.map(({ descriptor }) => watched(descriptor));
    for (const file of both) file.release();
    expect(open.filter((isOpen) => isOpen())).toHaveLength(1);
  });
});
