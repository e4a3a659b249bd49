import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rowsOf } from '#platform/database.js';
import { FakeUpstream } from './fake-upstream.js';
import { simpleSigner } from './keys.js';
import { makeImage, makeIndex } from './push-http.js';
import { type SyncBench, startBench } from './syncing.js';

let bench: SyncBench;
let upstream: FakeUpstream;
beforeAll(async () => {
  bench = await startBench();
});
beforeEach(async () => {
  upstream = await FakeUpstream.start();
  return () => upstream.stop();
});
afterAll(() => bench.stop());

describe('signatures by the extension API', () => {
  test('come with their images and the images of an index', async () => {
    const signer = await simpleSigner();
    const [one, two] = [upstream.add(makeImage(), 'one'), upstream.add(makeImage())];
    upstream.addManifest(makeIndex([two.manifest]), 'many');
    for (const { manifest } of [one, two])
      upstream.signatures.set(manifest.digest, [
        Buffer.from(await signer.sign(manifest, `${upstream.host}/team/app:one`, new Date())),
      ]);
    const remote = await bench.makeRemote({ url: upstream.url });
    const repository = await bench.makeRepository();
    const result = await bench.sync(repository, remote);
    expect(result.signatures).toMatchObject({ extension: 2 });
    expect(result.version?.content_summary.present).toEqual({ blob: 4, manifest: 3, tag: 2, signature: 2 });
    const rows = await rowsOf<{ fingerprint: string }>(bench.source, 'select fingerprint from signature', []);
    expect(new Set(rows.map((row) => row.fingerprint))).toEqual(new Set([signer.fingerprint]));
    expect(await bench.sync(repository, remote)).toMatchObject({ changed: false });
  });

  test('come later for an image that is here already', async () => {
    const image = upstream.add(makeImage(), 'one');
    const remote = await bench.makeRemote({ url: upstream.url });
    const repository = await bench.makeRepository();
    await bench.sync(repository, remote);
    const signer = await simpleSigner();
    const bytes = await signer.sign(image.manifest, `${upstream.host}/team/app:one`, new Date());
    upstream.signatures.set(image.manifest.digest, [Buffer.from(bytes)]);
    const result = await bench.sync(repository, remote);
    expect(result.version?.content_summary.added).toEqual({ signature: 1 });
  });

  test('about another image are refused with a reason', async () => {
    const [image, other] = [upstream.add(makeImage(), 'one'), makeImage()];
    const signer = await simpleSigner();
    const foreign = await signer.sign(other.manifest, `${upstream.host}/team/app:one`, new Date());
    upstream.signatures.set(image.manifest.digest, [Buffer.from(foreign), Buffer.from('garbage')]);
    const result = await bench.sync(await bench.makeRepository(), await bench.makeRemote({ url: upstream.url }));
    expect(result.signatures.extension).toBe(0);
    expect(result.refusedSignatures).toHaveLength(2);
    expect(result.refusedSignatures[0]).toContain(other.manifest.digest);
  });
});
