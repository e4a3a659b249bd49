import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dropForgotten } from '#content/maintenance/drop-forgotten.js';
import { versionStaged } from '#content/maintenance/version-staged.js';
import type { ManifestDraft } from '#content/push/drafts.js';
import { stage, storeManifest } from '#content/push/store-manifest.js';
import { findUpload, openUpload } from '#content/uploads/upload-sessions.js';
import { purgeUploads } from '#content/uploads/purge-uploads.js';
import { digestOf, type Digest } from '#oci/digest.js';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { FileStore } from '#storage/file-store.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { makeImage, makeIndex, makeRepository } from './content-factory.js';
import { brokenInvariants } from './invariants.js';

let database: TestDatabase;
let folder: string;
let store: FileStore;
let repositoryId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'hallmark-maintain-'));
  store = new FileStore(folder, false);
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  repositoryId = await makeRepository(database.source);
});

const stagedKinds = async () =>
  (
    await rowsOf<{ kind: string }>(database.source, 'select kind from staged where repository_id = $1 order by kind', [
      repositoryId,
    ])
  ).map(({ kind }) => kind);

const push = (draft: ManifestDraft, ...tags: string[]) =>
  database.source.transaction((tx) => storeManifest(tx, { repositoryId, draft, tags }));
const image = () => database.source.transaction((tx) => makeImage(tx, repositoryId));
const age = (seconds: number) =>
  database.source.query(`update staged set since = since - $1 * interval '1 second' where repository_id = $2`, [
    seconds,
    repositoryId,
  ]);

async function stageSignature(manifestDigest: string): Promise<void> {
  const id = newId();
  await database.source.query(
    `insert into signature (id, format, scheme, manifest_digest, name, digest, bytes)
     values ($1, 'simple', 'atomic', $2, 'n', $3, 'x')`,
    [id, manifestDigest, digestOf(randomBytes(8))],
  );
  await database.source.transaction((tx) => stage(tx, repositoryId, [{ id, kind: 'signature' }]));
}

describe('manifests that were pushed by digest', () => {
  it('get one version for each repository when nothing reached them, with what they name and their signatures', async () => {
    const [one, two] = [await image(), await image()];
    for (const draft of [one, two]) await push(draft);
    await push(makeIndex([one]));
    await stageSignature(two.digest);
    expect(await versionStaged(database.source, 600)).toEqual([]);
    await age(700);
    const [version, ...more] = await versionStaged(database.source, 600);
    expect(more).toEqual([]);
    expect(version).toMatchObject({ repositoryId, number: 1, added: { manifest: 3, blob: 4, signature: 1 } });
    expect(await stagedKinds()).toEqual([]);
    expect(await versionStaged(database.source, 600)).toEqual([]);
  });

  it('that are young wait on', async () => {
    const old = await image();
    await push(old);
    await age(700);
    await push(await image());
    expect(await versionStaged(database.source, 600)).toMatchObject([{ added: { manifest: 1, blob: 2 } }]);
    expect((await stagedKinds()).filter((kind) => kind === 'manifest')).toHaveLength(1);
  });

  it('make no second version when a tag reached them meanwhile', async () => {
    const draft = await image();
    await push(draft);
    await age(700);
    await push(draft, 'a');
    expect(await versionStaged(database.source, 600)).toEqual([]);
  });
});

describe('what nobody came for', () => {
  it('leaves the staging after its grace, but not what a staged manifest needs', async () => {
    const draft = await image();
    await push(draft);
    await stageSignature(draft.digest);
    await stageSignature(digestOf(randomBytes(9)));
    await image();
    await age(4000);
    expect(await dropForgotten(database.source, 3600)).toBe(3);
    expect(await stagedKinds()).toEqual(['blob', 'blob', 'manifest', 'signature']);
    expect(await dropForgotten(database.source, 3600)).toBe(0);
  });
});

describe('uploads', () => {
  it('that nobody touched for a day go with their bytes, and bytes without a session too', async () => {
    const [idle, busy, stray] = [newId(), newId(), newId()];
    for (const id of [idle, busy]) await openUpload(database.source, { id, repositoryId, principal: 'user:1' });
    for (const id of [idle, busy, stray]) await store.staging(id).append(0, Readable.from([Buffer.from('bytes')]));
    await database.source.query(`update upload set touched_at = now() - interval '2 days' where id = $1`, [idle]);
    expect(await purgeUploads(database.source, store, 86_400)).toBe(1);
    expect(await store.staging(idle).offset()).toBe(0);
    expect(await store.staging(busy).offset()).toBe(5);
    expect(await store.staging(stray).offset()).toBe(5);
    await new Promise((done) => setTimeout(done, 1_100));
    await purgeUploads(database.source, store, 1);
    expect(await store.staging(stray).offset()).toBe(0);
  });

  it('that were closed are remembered as long as their ids would be taken again', async () => {
    const key = { id: newId(), repositoryId, principal: 'user:1' };
    const purge = async (hours: number) => {
      const age = `update upload set digest = $2, touched_at = now() - $3::int * interval '1 hour' where id = $1`;
      await database.source.query(age, [key.id, digestOf(Buffer.from('x')), hours]);
      expect(await purgeUploads(database.source, store, 86_400)).toBe(0);
      return findUpload(database.source, key).then(
        ({ digest }) => digest !== null,
        () => false,
      );
    };
    await openUpload(database.source, key);
    expect([await purge(23), await purge(25)]).toEqual([true, false]);
  });
});

describe('the invariant checker', () => {
  it('names what is broken', async () => {
    const bytes = [randomBytes(5), randomBytes(6)];
    for (const blob of bytes) await store.putBytes(digestOf(blob), blob);
    const draft = await database.source.transaction((tx) => makeImage(tx, repositoryId, { blobs: bytes }));
    await push(draft, 'a');
    const ours = async () => (await brokenInvariants(database.source, store)).filter((line) => line.includes(missing));
    const missing = digestOf(bytes[0]!) as Digest;
    expect(await ours()).toEqual([]);
    await store.remove(missing);
    expect(await ours()).toHaveLength(1);
    await database.source.query('delete from tag where name = $1', ['a']);
    const broken = await brokenInvariants(database.source, store);
    expect(broken.some((line) => line.startsWith('a unit of a version exists: tag'))).toBe(true);
  });
});
