import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { CheckedBlob } from './checked-blob.js';
import { FileStore } from './file-store.js';
import { FlushBatch } from './flush-batch.js';
import { SessionTurns } from './session-turns.js';
import { verifyStored } from './verify-stored.js';

const MIB = 1024 * 1024;
let folder: string;
let small: string;
let mounted = true;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hallmark-faults-'));
  small = join(folder, 'small');
  await mkdir(small);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small], { stdio: 'ignore' });
  } catch {
    mounted = false;
  }
});
afterAll(async () => {
  if (mounted) execFileSync('umount', [small]);
  await rm(folder, { recursive: true });
});

/** Fills a disk: a real one where mounting is allowed, else by the answer that a full one gives to writes. */
async function fillDisk(): Promise<() => Promise<void>> {
  if (mounted) {
    await writeFile(join(small, 'filler'), Buffer.alloc(5 * MIB));
    return () => rm(join(small, 'filler'));
  }
  const file = await open(join(folder, 'any'), 'w');
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  const spy = vi.spyOn(Object.getPrototypeOf(file) as typeof file, 'write').mockRejectedValue(full);
  await file.close();
  return async () => spy.mockRestore();
}

describe('a full disk', () => {
  it('D8 is said as such, hurts nothing that is there, and lets the same upload go on when there is space again', async () => {
    const store = new FileStore(small);
    const earlier = randomBytes(1000);
    await store.putBytes(digestOf(earlier), earlier);
    const bytes = randomBytes(6 * MIB);
    const staged = store.staging(randomUUID());
    await staged.append(0, Readable.from([bytes.subarray(0, MIB)]));
    const free = await fillDisk();
    const rest = Readable.from(
      Array.from({ length: 5 }, (_, index) => bytes.subarray((index + 1) * MIB, (index + 2) * MIB)),
    );
    await expect(staged.append(MIB, rest)).rejects.toMatchObject({ kind: 'no-space' });
    expect(await verifyStored(store, digestOf(earlier))).toBe(1000);
    await free();
    const offset = await staged.offset();
    expect(offset).toBeGreaterThanOrEqual(MIB);
    await staged.append(offset, Readable.from([bytes.subarray(offset)]));
    expect(await staged.commit(digestOf(bytes))).toBe(bytes.length);
    expect(await verifyStored(store, digestOf(bytes))).toBe(bytes.length);
  });
});

describe('the upload folder', () => {
  it('is never left through a symbolic link', async () => {
    const store = new FileStore(folder);
    const victim = join(folder, 'victim');
    await writeFile(victim, 'secret');
    await store.putBytes(digestOf('x'), Buffer.from('x'));
    const uploadId = randomUUID();
    await symlink(victim, join(folder, 'uploads', uploadId));
    await expect(store.staging(uploadId).append(6, Readable.from([Buffer.from('more')]))).rejects.toThrow('ELOOP');
    await rm(join(folder, 'uploads', uploadId));
  });

  it('D5 keeps no file open after cut-off, refused and good uploads', async () => {
    const store = new FileStore(folder);
    const descriptors = async () => (await readdir('/proc/self/fd').catch(() => [])).length;
    const before = await descriptors();
    for (let round = 0; round < 20; round++) {
      const staged = store.staging(randomUUID());
      const gone = new Readable({ read: () => undefined });
      gone.push(Buffer.alloc(10));
      setTimeout(() => gone.destroy(new Error('gone')), 5);
      await staged.append(0, gone).catch(() => undefined);
      await staged.append(99, Readable.from([])).catch(() => undefined);
      await store.open(digestOf('absent')).catch(() => undefined);
      await store.open(digestOf('x'), { start: 5, end: 6 }).catch(() => undefined);
      await staged.commit(digestOf('other')).catch(() => undefined);
    }
    expect((await descriptors()) - before).toBeLessThan(5);
  });
});

describe('a session', () => {
  it('is refused to a second writer when the first does not end in time', async () => {
    const turns = new SessionTurns(10, 50);
    let end = () => undefined as void;
    const first = turns.alone('a', () => new Promise<void>((resolve) => (end = resolve)));
    await expect(turns.alone('a', async () => 1)).rejects.toMatchObject({ kind: 'range', code: 'BLOB_UPLOAD_INVALID' });
    await expect(turns.alone('b', async () => 2)).resolves.toBe(2);
    end();
    await first;
    await expect(turns.alone('a', async () => 3)).resolves.toBe(3);
  });

  it('rebuilds the hash when too many sessions were open to carry it', async () => {
    const store = new FileStore(folder, true, new SessionTurns(1));
    const [one, two] = [store.staging(randomUUID()), store.staging(randomUUID())];
    await one.append(0, Readable.from([Buffer.from('first ')]));
    await two.append(0, Readable.from([Buffer.from('second')]));
    await one.append(6, Readable.from([Buffer.from('half')]));
    expect(await one.commit(digestOf('first half'))).toBe(10);
    expect(await two.commit(digestOf('second'))).toBe(6);
  });
});

describe('flushing', () => {
  it('is shared by those who wait for one folder, and never with a flush that began before', async () => {
    const handle = await open(folder, 'r');
    const spy = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'sync');
    const batch = new FlushBatch(true);
    const first = batch.folder(folder);
    await vi.waitFor(() => expect(spy).toHaveBeenCalledTimes(1));
    await Promise.all([first, ...Array.from({ length: 20 }, () => batch.folder(folder))]);
    expect(spy).toHaveBeenCalledTimes(2);
    await batch.folder(folder);
    expect(spy).toHaveBeenCalledTimes(3);
    await new FlushBatch(false).folder(folder);
    expect(spy).toHaveBeenCalledTimes(3);
    spy.mockRestore();
    await handle.close();
  });

  it('of small blobs comes before any of them has its name, and leaves nothing of them when one fails', async () => {
    const store = new FileStore(folder);
    const handle = await open(folder, 'r');
    const prototype = Object.getPrototypeOf(handle) as typeof handle;
    await handle.close();
    const blobs = Array.from({ length: 20 }, () => randomBytes(50)).map((bytes) =>
      CheckedBlob.of(digestOf(bytes), bytes),
    );
    const spy = vi.spyOn(prototype, 'datasync');
    spy.mockImplementationOnce(() => Promise.reject(new Error('bad disk')));
    await expect(store.putAll(blobs)).rejects.toThrow('bad disk');
    for (const { digest } of blobs) expect(await store.size(digest)).toBeUndefined();
    expect(await readdir(join(folder, 'uploads'))).toEqual([]);
    spy.mockClear();
    await store.putAll(blobs);
    expect(spy).toHaveBeenCalledTimes(20);
    spy.mockRestore();
    expect(await verifyStored(store, blobs[7]!.digest)).toBe(50);
  });

  it('fails for all who wait when the folder cannot be flushed, and works again later', async () => {
    const batch = new FlushBatch(true);
    const gone = join(folder, 'gone');
    const results = await Promise.allSettled([batch.folder(gone), batch.folder(gone), batch.folder(gone)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await mkdir(gone);
    await expect(batch.folder(gone)).resolves.toBeUndefined();
  });

  it('G14 comes before the name of a blob is seen', async () => {
    const steps: string[] = [];
    const handle = await open(folder, 'r');
    const prototype = Object.getPrototypeOf(handle) as typeof handle;
    const store = new FileStore(folder);
    const digest = digestOf('flushed first');
    const spy = vi.spyOn(prototype, 'datasync').mockImplementation(async () => {
      steps.push((await store.size(digest)) === undefined ? 'flushed while hidden' : 'flushed too late');
    });
    await store.putBytes(digest, Buffer.from('flushed first'));
    expect(steps).toEqual(['flushed while hidden']);
    spy.mockRestore();
    await handle.close();
  });
});
