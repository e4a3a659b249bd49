import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as openpgp from 'openpgp';
import { MediaType } from '#oci/media-types.js';
import { fallbackTagOf } from '#oci/reference.js';
import { digestOf } from '#oci/digest.js';
import { formatOf } from '#signing/formats/all.js';
import type { FormatName, StoredManifest } from '#signing/formats/signature-format.js';
import { issueChain } from '#signing/formats/notation/certificate-fixture.js';
import { storeSignatures } from '#signing/store/store-signatures.js';
import { openExport } from '#transfer/oci-layout/export/open-export.js';
import { buffer } from 'node:stream/consumers';
import { openWorld, type World } from './world.js';

const MIB = 1024 * 1024;
const NOW = new Date('2026-06-01T12:00:00Z');
let ci: World;
let prod: World;

beforeEach(async () => {
  [ci, prod] = [
    await openWorld({ publicUrl: 'http://127.0.0.1:5002' }),
    await openWorld({ publicUrl: 'http://127.0.0.1:5000' }),
  ];
});
afterEach(async () => {
  await ci.close();
  await prod.close();
});

async function sign(world: World, repositoryId: string, manifest: StoredManifest): Promise<void> {
  const reference = 'example.com/team/app:v1';
  const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;
  const { leaf, pem: certificates } = await issueChain();
  const { privateKey: armored } = await openpgp.generateKey({
    userIDs: [{ email: 'a@example.com' }],
    format: 'armored',
  });
  const keys: [FormatName, Parameters<ReturnType<typeof formatOf>['openSigner']>[0]][] = [
    ['cosign', { privateKey: pem, shape: 'tag' }],
    ['cosign', { privateKey: pem, shape: 'bundle' }],
    ['notation', { privateKey: leaf.privateKeyPem, certificates, shape: 'jws' }],
    ['simple', { privateKey: armored }],
    ['simple', { privateKey: armored }],
  ];
  for (const [at, [format, key]] of keys.entries()) {
    const signer = await formatOf(format).openSigner(key);
    const bytes = await signer.sign(manifest, reference, new Date(NOW.getTime() + at * 1000));
    await storeSignatures(world, repositoryId, [{ format, manifest, bytes }]);
  }
}

/** A repository with everything that a version can hold, made in some order. */
async function fill(world: World, repositoryId: string): Promise<void> {
  const one = await world.image(repositoryId, 'one');
  const two = await world.image(repositoryId, 'two', undefined, { annotations: { z: '1', a: '2' } });
  const index = await world.push(
    repositoryId,
    {
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: [one, two].map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    },
    'v1',
  );
  await world.image(repositoryId, 'three', 'latest');
  await world.image(repositoryId, 'moved', 'moving');
  await world.image(repositoryId, 'kept', 'moving');
  await sign(world, repositoryId, index);
  await sign(world, repositoryId, one);
}

describe('export and import of a version', () => {
  it('002-14 gives the same bytes from an empty instance that imported them, in another order of making', async () => {
    const from = await ci.repository();
    await fill(ci, from);
    const first = await ci.export(from);
    const to = await prod.repository();
    const report = await prod.import(to, first);
    expect(report).toMatchObject({
      tags: 3,
      images: 5,
      indexes: 1,
      signatures: 10,
      signaturesByFormat: { simple: 4, cosign: 4, notation: 2 },
      version: 1,
    });
    expect(report.untagged).toHaveLength(1);
    expect((await prod.export(to)).equals(first)).toBe(true);
    expect(await prod.head(to)).toBe(1);
  });

  it('F3 makes no version when it is repeated, and keeps what was here', async () => {
    const from = await ci.repository();
    await fill(ci, from);
    const archive = await ci.export(from);
    const to = await prod.repository();
    await prod.image(to, 'own', 'own');
    await prod.import(to, archive);
    expect(await prod.import(to, archive)).toMatchObject({ version: null, tags: 3 });
    expect(await prod.head(to)).toBe(2);
    const tags = await prod.export(to, { tags: ['own', 'v1'] });
    expect(tags.toString('latin1')).toContain('"org.opencontainers.image.ref.name":"own"');
  });

  it('leaves signatures out when asked to, and exports some tags only', async () => {
    const from = await ci.repository();
    await fill(ci, from);
    const plain = (await ci.export(from, { signatures: false })).toString('latin1');
    expect(plain).not.toMatch(/cncf\.notary|signatures\/atomic|\.sig/);
    expect(plain).toContain('"org.opencontainers.image.ref.name":"latest"');
    const to = await prod.repository();
    expect(await prod.import(to, await ci.export(from, { tags: ['v1'] }))).toMatchObject({
      tags: 1,
      images: 2,
      signatures: 10,
    });
    await expect(ci.export(from, { tags: ['v1', 'nope'] })).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('exports a version as it was', async () => {
    const from = await ci.repository();
    const image = await ci.image(from, 'one', 'v1');
    const before = await ci.export(from);
    const pinned = await ci.head(from);
    await sign(ci, from, image);
    await ci.image(from, 'other', 'v1');
    expect((await ci.export(from, { view: { repositoryId: from, pinned } })).equals(before)).toBe(true);
    expect((await ci.export(from)).equals(before)).toBe(false);
  });

  it('answers any range with the same bytes under the same entity tag', async () => {
    const from = await ci.repository();
    await fill(ci, from);
    const whole = await ci.export(from);
    const opened = await openExport(ci, { view: { repositoryId: from, pinned: null } });
    const again = await openExport(ci, { view: { repositoryId: from, pinned: null }, tags: ['latest'] });
    expect(opened.etag).toMatch(/^"[a-f0-9]{64}"$/);
    expect(again.etag).not.toBe(opened.etag);
    for (let round = 0; round < 60; round += 1) {
      const start = Math.floor(Math.random() * whole.length);
      const end = Math.min(whole.length - 1, start + Math.floor(Math.random() * 3000));
      expect((await buffer(opened.stream({ start, end }))).equals(whole.subarray(start, end + 1))).toBe(true);
    }
    expect(() => opened.stream({ start: 0, end: whole.length })).toThrow(/range/);
  });

  it('sends large layers through buffers that take turns, also to a reader who is slow', async () => {
    const from = await ci.repository();
    const layers = [];
    for (const size of [3 * MIB, 10, MIB, 5 * MIB + 123, 700, 2 * MIB - 1])
      layers.push({ mediaType: MediaType.ociLayer, ...(await ci.blob(from, randomBytes(size))) });
    const config = { mediaType: MediaType.ociConfig, ...(await ci.blob(from, Buffer.from('{}'))) };
    await ci.push(from, { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers }, 'large');
    const whole = await ci.export(from);
    const opened = await openExport(ci, { view: { repositoryId: from, pinned: null } });
    const ranges = [undefined, { start: MIB - 7, end: whole.length - MIB }];
    const server = createServer((request, response) => {
      opened.stream(ranges[Number(request.url!.slice(1))], { reusesBuffers: true }).pipe(response);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    for (const [at, range] of ranges.entries()) {
      const answer = await new Promise<IncomingMessage>((done) =>
        get({ host: '127.0.0.1', port, path: `/${at}` }, done),
      );
      const chunks: Buffer[] = [];
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        if (chunks.length % 16 === 0) await new Promise((done) => setTimeout(done, 5));
      }
      const wanted = range ? whole.subarray(range.start, range.end + 1) : whole;
      expect(Buffer.concat(chunks).equals(wanted)).toBe(true);
    }
    server.closeAllConnections();
    server.close();
  });

  it('refuses before the first byte what only an upstream has', async () => {
    const from = await ci.repository();
    const { digest } = await ci.blob(from, Buffer.from('layer of one'));
    await ci.image(from, 'one', 'v1');
    await ci.source.query('update blob set stored = false where digest = $1', [digest]);
    await expect(ci.export(from)).rejects.toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining(digest) as string,
    });
  });

  it('fails in the stream, and does not end well, when stored bytes were cut', async () => {
    const from = await ci.repository();
    await ci.image(from, 'one', 'v1');
    await ci.source.query(`update blob set size = size + 1 where digest = $1`, [digestOf('layer of one')]);
    await expect(ci.export(from)).rejects.toThrow(/damaged/);
  });

  it('does not carry indexes of the referrers tag schema, and merges those that come', async () => {
    const from = await ci.repository();
    const image = await ci.image(from, 'one', 'v1');
    const subject = { mediaType: image.mediaType, digest: image.digest, size: image.size };
    const referrer = await ci.image(from, 'sbom', undefined, { subject, artifactType: 'text/x' });
    const entry = { mediaType: referrer.mediaType, digest: referrer.digest, size: referrer.size };
    await ci.push(
      from,
      { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [entry] },
      fallbackTagOf(image.digest),
    );
    const archive = await ci.export(from);
    expect(archive.toString('latin1')).not.toContain(fallbackTagOf(image.digest));
    const to = await prod.repository();
    expect(await prod.import(to, archive)).toMatchObject({ tags: 1, images: 1, manifests: 2, untagged: [] });
    expect((await prod.export(to)).equals(archive)).toBe(true);
  });

  it('keeps the layers of both when a companion tag is here already', async () => {
    const from = await ci.repository();
    const to = await prod.repository();
    const image = await ci.image(from, 'one', 'v1');
    await prod.image(to, 'one', 'v1');
    await sign(ci, from, image);
    await sign(prod, to, image);
    const archive = await ci.export(from);
    await prod.import(to, archive);
    const rows: unknown[] = await prod.source.query(
      `select g.id from signature g join membership m on m.unit_id = g.id and m.removed_in is null where g.scheme = 'cosign:tag'`,
    );
    expect(rows).toHaveLength(2);
    expect(await prod.import(to, archive)).toMatchObject({ version: null });
  });
});
