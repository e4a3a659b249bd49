import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { storeImage } from '#content/push/store-images.js';
import { mountBlob } from '#content/uploads/mount-blob.js';
import { closeUpload, receiveBlob } from '#content/uploads/receive-blob.js';
import { openUpload, type UploadKey } from '#content/uploads/upload-sessions.js';
import { findByTag } from '#content/read/find-manifest.js';
import { digestOf } from '#oci/digest.js';
import { poolOf, rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { CollectorWorld } from './collector-world.js';
import { makeRepository } from './content-factory.js';
import { brokenInvariants } from './invariants.js';

let world: CollectorWorld;
let repositoryId: string;
beforeAll(async () => {
  world = await CollectorWorld.open();
});
afterAll(() => world.close());
beforeEach(async () => {
  world.repositoryId = repositoryId = await makeRepository(world.source);
});

const owner = () => ({ repositoryId, principal: 'user:1' });
const receiving = () => ({ source: world.source, store: world.store, limits: {} });
const chunkOf = (bytes: Buffer) => ({ bytes: Readable.from([bytes]), length: bytes.length });

function versions(id = repositoryId) {
  return rowsOf<{ number: number; added: object; present: object }>(
    world.source,
    'select number, added, present from repository_version where repository_id = $1 order by number',
    [id],
  );
}

const digestUnder = async (tag: string, id = repositoryId) =>
  (await findByTag(world.source, { repositoryId: id, pinned: null }, tag))?.digest;

describe('images that are pushed at the same time', () => {
  it('get a version each, numbered without gaps, in one transaction', async () => {
    const draft = await world.image();
    const spy = vi.spyOn(world.source, 'createQueryRunner');
    const pushed = await Promise.all(
      ['a', 'b', 'c', 'd'].map((tag) => storeImage(world.source, { repositoryId, draft, tags: [tag] })),
    );
    expect(spy).toHaveBeenCalledTimes(1);
    spy.mockRestore();
    expect(pushed.map(({ version }) => version?.number)).toEqual([1, 2, 3, 4]);
    expect((await versions()).slice(1)).toEqual([
      { number: 1, added: { blob: 2, manifest: 1, tag: 1 }, present: { blob: 2, manifest: 1, tag: 1 } },
      ...[2, 3, 4].map((number) => ({
        number,
        added: { tag: 1 },
        present: { blob: 2, manifest: 1, tag: number },
      })),
    ]);
    expect(await brokenInvariants(world.source, world.store)).toEqual([]);
  });

  it('leave the tag that they share at the last of them, with each of them in a version of its own', async () => {
    const drafts = [await world.image(), await world.image(), await world.image()];
    const pushed = await Promise.all(
      drafts.map((draft) => storeImage(world.source, { repositoryId, draft, tags: ['latest'] })),
    );
    expect(pushed.map(({ version }) => [version?.number, version?.present.tag, version?.removed.tag])).toEqual([
      [1, 1, undefined],
      [2, 1, 1],
      [3, 1, 1],
    ]);
    expect(await digestUnder('latest')).toBe(drafts[2]!.digest);
  });

  it('make no version when they change nothing, and leave no gap for it', async () => {
    const draft = await world.image();
    await storeImage(world.source, { repositoryId, draft, tags: ['a'] });
    const pushed = await Promise.all(
      ['b', 'a', 'c'].map((tag) => storeImage(world.source, { repositoryId, draft, tags: [tag] })),
    );
    expect(pushed.map(({ version }) => version?.number)).toEqual([2, undefined, 3]);
    expect((await versions()).map(({ number }) => number)).toEqual([0, 1, 2, 3]);
  });

  it('go into several repositories, each with its own numbers', async () => {
    const other = await makeRepository(world.source);
    const draft = await world.image();
    for (const bytes of draft.parsed.layers.concat(draft.parsed.config!))
      expect(await mountBlob(world.source, other, bytes.digest)).toBe(true);
    const [here, there] = await Promise.all(
      [repositoryId, other].map((id) => storeImage(world.source, { repositoryId: id, draft, tags: ['v1'] })),
    );
    expect([here!.version?.repositoryId, there!.version?.repositoryId]).toEqual([repositoryId, other]);
    expect([await digestUnder('v1'), await digestUnder('v1', other)]).toEqual([draft.digest, draft.digest]);
    expect([(await versions()).length, (await versions(other)).length]).toEqual([2, 2]);
  });

  it('mount only what the repository has that is named as the source', async () => {
    const [draft, target, empty] = [
      await world.image(),
      await makeRepository(world.source),
      await makeRepository(world.source),
    ];
    const [blob] = draft.parsed.layers;
    const mounted = () =>
      Promise.all([empty, repositoryId].map((from) => mountBlob(world.source, target, blob!.digest, from)));
    expect(await mounted()).toEqual([false, true]);
    await storeImage(world.source, { repositoryId, draft, tags: ['v1'] });
    expect(await mounted()).toEqual([false, true]);
  });

  it('do not fail for the one whose blobs are not here', async () => {
    const [whole, lacking] = [await world.image(), await world.image()];
    const elsewhere = await makeRepository(world.source);
    const results = await Promise.allSettled([
      storeImage(world.source, { repositoryId, draft: whole, tags: ['whole'] }),
      storeImage(world.source, { repositoryId: elsewhere, draft: lacking, tags: ['lacking'] }),
      storeImage(world.source, { repositoryId, draft: lacking, tags: ['other'] }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN' });
    expect((await versions()).map(({ number }) => number)).toEqual([0, 1, 2]);
  });
});

/** The statements that store small blobs; `first` is done instead of the first one. */
function storing(first?: () => Promise<never>) {
  const pool = poolOf(world.source);
  const query = pool.query.bind(pool) as (each: { name: string }) => unknown;
  let count = 0;
  const spy = vi.spyOn(pool, 'query').mockImplementation(((each: { name: string }) => {
    if (each.name !== 'store-small-blobs') return query(each);
    count += 1;
    return count === 1 && first ? first() : query(each);
  }) as never);
  return { count: () => count, end: () => spy.mockRestore() };
}

describe('small blobs that come at the same time', () => {
  it('are stored by one statement, the same one into two repositories as well', async () => {
    const other = await makeRepository(world.source);
    const blobs = [randomBytes(100), randomBytes(200)];
    const statements = storing();
    await Promise.all(
      [repositoryId, other].flatMap((id) =>
        blobs.map((bytes) => receiveBlob(receiving(), id, digestOf(bytes), chunkOf(bytes))),
      ),
    );
    expect(statements.count()).toBe(1);
    statements.end();
    const [row] = await rowsOf<{ staged: number }>(
      world.source,
      `select count(*)::int as staged from staged where repository_id = any($1::uuid[])`,
      [[repositoryId, other]],
    );
    expect(row).toEqual({ staged: 4 });
    for (const bytes of blobs) expect((await world.store.getBytes(digestOf(bytes), 200)).equals(bytes)).toBe(true);
  });

  it('are stored one by one when storing all of them failed', async () => {
    const blobs = [randomBytes(100), randomBytes(200)];
    const statements = storing(() => Promise.reject(new Error('the statement failed')));
    await Promise.all(blobs.map((bytes) => receiveBlob(receiving(), repositoryId, digestOf(bytes), chunkOf(bytes))));
    // Both at once, then each of them.
    expect(statements.count()).toBe(3);
    statements.end();
    for (const bytes of blobs) expect((await world.store.getBytes(digestOf(bytes), 200)).equals(bytes)).toBe(true);
  });

  it('close their own sessions only: one of somebody else, or that is not there, is unknown', async () => {
    const [mine, theirs, bytes] = [newId(), newId(), randomBytes(300)];
    await openUpload(world.source, { id: theirs, repositoryId, principal: 'user:2' });
    const close = (key: Pick<UploadKey, 'id' | 'started'>, data = bytes) =>
      closeUpload(receiving(), { ...owner(), ...key }, digestOf(data), chunkOf(data));
    const started = 'sha256';
    const others = [randomBytes(30), randomBytes(31)];
    const results = await Promise.allSettled([
      close({ id: mine, started }),
      close({ id: theirs }, others[0]),
      close({ id: newId() }, others[1]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    for (const result of results.slice(1))
      expect((result as PromiseRejectedResult).reason).toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    for (const data of others) expect(await world.has('blob', digestOf(data))).toBe(false);
    await expect(close({ id: mine, started })).resolves.toBeUndefined();
  });
});
