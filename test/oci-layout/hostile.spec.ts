import { randomBytes } from 'node:crypto';
import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { newId } from '#platform/identifiers.js';
import { acceptImport } from '#transfer/oci-layout/import/accept-import.js';
import { ImportLayoutHandler } from '#transfer/oci-layout/import/import-layout.handler.js';
import { blobPath } from '#transfer/oci-layout/layout-names.js';
import { END_OF_ARCHIVE, tarHeader } from '#transfer/oci-layout/tar/tar-writer.js';
import { archive, layoutMembers, type Member, ofType } from './archives.js';
import { hostileArchives, pax } from './hostile-archives.js';
import { openWorld, taskContext, type World } from './world.js';

const MIB = 1024 * 1024;
let world: World;
let repositoryId: string;
let good: Member[];

beforeAll(async () => {
  world = await openWorld();
  repositoryId = await world.repository();
  good = await layoutMembers('good');
});
afterAll(() => world.close());

const NAMES = hostileArchives([]).map(([name]) => name);

describe('a hostile archive', () => {
  it.each(NAMES)('%s is refused and nothing of it is stored', async (name) => {
    const [, refusal, make] = hostileArchives(good).find(([each]) => each === name)!;
    const before = await world.inventory(repositoryId);
    await expect(world.import(repositoryId, make())).rejects.toMatchObject({
      name: 'DomainError',
      kind: 'invalid',
      message: expect.stringMatching(refusal) as string,
    });
    expect(await world.inventory(repositoryId)).toEqual(before);
    expect(await readdir(join(world.dataDir, 'imports'))).toEqual([]);
    await expect(access(join(world.dataDir, 'blobs'))).rejects.toThrow('ENOENT');
  });

  it('F2 whose last large blob is wrong or cut off leaves nothing of those before it', async () => {
    const [first, last] = [randomBytes(5 * MIB), randomBytes(5 * MIB)];
    const members = (bytes: Buffer): Member[] => [
      { path: blobPath(digestOf(first)), bytes: first },
      ...good,
      { path: blobPath(digestOf(last)), bytes },
    ];
    const wrong = Buffer.concat([last.subarray(1), Buffer.from('x')]);
    const cases: [Buffer, RegExp][] = [
      [archive(members(wrong)), /have the digest/],
      [archive(members(last)).subarray(0, -2 * MIB), /^The archive is cut off/],
      [gzipSync(archive(members(last))).subarray(0, -2 * MIB), /^The archive cannot be decompressed/],
      [archive(members(last).filter(({ path }) => path !== good[2]!.path)), /lacks 1 of the files/],
    ];
    for (const [bytes, message] of cases) {
      await expect(world.import(repositoryId, bytes)).rejects.toMatchObject({
        kind: 'invalid',
        message: expect.stringMatching(message) as string,
      });
      for (const folder of ['imports', 'uploads']) expect(await readdir(join(world.dataDir, folder))).toEqual([]);
      await expect(access(join(world.dataDir, 'blobs'))).rejects.toThrow('ENOENT');
    }
  });

  it('F1 a million members are refused before they are read', async () => {
    const header = (at: number) => tarHeader(`f${at}`, 0);
    const body = Buffer.concat([...Array.from({ length: 250_100 }, (_, at) => header(at)), END_OF_ARCHIVE]);
    await expect(world.import(repositoryId, gzipSync(body, { level: 1 }))).rejects.toThrow(/more than 250000 members/);
  });

  it('F2 a body over the limit, cut off or too large for the disk leaves no file', async () => {
    const options = { dataDir: world.dataDir, limit: 1000 };
    const body = () => Readable.from([Buffer.alloc(600), Buffer.alloc(600)]);
    await expect(acceptImport(body(), options)).rejects.toMatchObject({ kind: 'too-large' });
    await expect(acceptImport(body(), { ...options, length: 1200 })).rejects.toMatchObject({ kind: 'too-large' });
    await expect(acceptImport(body(), { ...options, limit: 0, length: 1300 })).rejects.toThrow(/broke off after 1200/);
    await expect(acceptImport(body(), { ...options, limit: 0, length: 2 ** 52 })).rejects.toMatchObject({
      kind: 'no-space',
    });
    const broken = Readable.from(
      (function* () {
        yield Buffer.alloc(600);
        throw new Error('aborted');
      })(),
    );
    await expect(acceptImport(broken, options)).rejects.toThrow(/broke off after 600/);
    expect(await readdir(join(world.dataDir, 'imports'))).toEqual([]);
  });

  it('F2 takes the same layout when nothing is wrong with it, so that the refusals above have their own reason', async () => {
    const other = await openWorld();
    try {
      const id = await other.repository();
      const variants = [
        archive(good),
        archive([...good].reverse()),
        archive(good.map((each) => ({ ...each, path: `./${each.path}` }))),
        archive(good.map((each) => ({ ...each, path: `some/folder/${each.path}` }))),
        archive([{ path: 'manifest.json', bytes: '[]' }, { path: 'repositories', bytes: '{}' }, ...good]),
        archive([{ ...pax('21 comment=something\n'), alter: ofType('g') }, ...good]),
        gzipSync(archive(good)),
        zstdCompressSync(archive(good)),
        inPieces(archive(good), gzipSync),
        Buffer.concat([SKIPPED, inPieces(archive(good), zstdCompressSync), SKIPPED]),
      ];
      for (const [at, bytes] of variants.entries())
        expect(await other.import(id, bytes)).toMatchObject({
          tags: 1,
          images: 1,
          blobs: 2,
          version: at === 0 ? 1 : null,
        });
    } finally {
      await other.close();
    }
  });
});

/** An archive that is compressed in pieces, as pzstd and pigz do. */
const inPieces = (bytes: Buffer, compress: (piece: Buffer) => Buffer) =>
  Buffer.concat(
    [bytes.subarray(0, 700), bytes.subarray(700, 1500), bytes.subarray(1500)].map((part) => compress(part)),
  );

/** A frame of zstd that says nothing of the content (RFC 8878, 3.1.2). */
const SKIPPED = Buffer.from('502a4d18' + '04000000' + '01020304', 'hex');

describe('an import that breaks half way', () => {
  it('F3 goes on with the same archive, in one version', async () => {
    const other = await openWorld();
    try {
      const id = await other.repository();
      const importId = await acceptImport(Readable.from([archive(good)]), { dataDir: other.dataDir, limit: 0 });
      const handler = new ImportLayoutHandler(other.source, other.store, other.config);
      const crash = taskContext({ fence: () => Promise.reject(new Error('the worker died')) });
      await expect(handler.run({ repositoryId: id, importId }, crash)).rejects.toThrow('the worker died');
      expect(await other.head(id)).toBe(0);
      const hrefs: string[] = [];
      const context = taskContext({ createdResource: (href) => hrefs.push(href) });
      const report = await handler.run({ repositoryId: id, importId }, context);
      expect(report).toMatchObject({ version: 1, tags: 1 });
      expect(hrefs).toHaveLength(1);
      await rm(join(other.dataDir, 'imports'), { recursive: true });
      await mkdir(join(other.dataDir, 'imports'));
      await writeFile(join(other.dataDir, 'imports', `${newId()}.upload`), 'left over');
      await expect(handler.run({ repositoryId: id, importId }, context)).rejects.toMatchObject({ kind: 'not-found' });
    } finally {
      await other.close();
    }
  });
});
