import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findByTag } from '#content/read/find-manifest.js';
import { parseManifest } from '#oci/manifest.js';
import { companionTagOf } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import { storeSignatures } from '#signing/store/store-signatures.js';
import { AddContent } from '../../apps/api/repositories/actions/content-tasks.js';
import { brokenInvariants } from '../content/invariants.js';
import { FakeUpstream } from './fake-upstream.js';
import { cosignSigner } from './keys.js';
import { makeImage, type MadeImage } from './push-http.js';
import { type SyncBench, startBench, taskContext } from './syncing.js';

let bench: SyncBench;
let upstream: FakeUpstream;
beforeAll(async () => {
  bench = await startBench();
  upstream = await FakeUpstream.start();
});
afterAll(async () => {
  await upstream.stop();
  await bench.stop();
});

describe('a copy of an image that is signed on both sides with cosign', () => {
  let image: MadeImage;
  let companion: string;
  let development: string;
  let production: string;
  beforeEach(async () => {
    image = upstream.add(makeImage(), 'one');
    companion = companionTagOf(image.manifest.digest, 'sig');
    const remote = await bench.makeRemote({ url: upstream.url });
    [development, production] = [await bench.makeRepository(), await bench.makeRepository()];
    for (const repository of [development, production]) await bench.sync(repository, remote);
  });

  const sign = async (repositories: readonly string[]) => {
    const bytes = await (await cosignSigner('tag')).sign(image.manifest, 'example.com/app:one', new Date());
    for (const repository of repositories)
      await storeSignatures(bench, repository, [{ format: 'cosign', manifest: image.manifest, bytes }]);
  };
  const copy = async () => {
    const from = { repositoryId: development, number: (await bench.head(development)).number };
    const payload = { repositoryId: production, from: { ...from, selection: { tagNames: ['one'] } } };
    await new AddContent(bench.source, bench.store).run(payload, taskContext());
  };
  const under = async (tag: string) => {
    const found = (await findByTag(bench.source, { repositoryId: production, pinned: null }, tag))!;
    const rows = await rowsOf(
      bench.source,
      `select 1 from signature_carrier k join manifest c on c.id = k.carrier_id
       join membership m on m.unit_id = k.signature_id and m.repository_id = $1 and m.removed_in is null
       where c.digest = $2`,
      [production, found.digest],
    );
    return { layers: parseManifest(found.bytes).layers.length, carried: rows.length, digest: found.digest };
  };

  test('keeps the signatures of both under its tag, in one version, and makes none the second time', async () => {
    await sign([development]);
    await sign([production]);
    const before = (await bench.head(production)).number;
    await copy();
    expect(await under(companion)).toMatchObject({ layers: 2, carried: 2 });
    expect(await bench.head(production)).toMatchObject({ number: before + 1, present: { tag: 2, signature: 2 } });
    expect(await brokenInvariants(bench.source, bench.store)).toEqual([]);
    await copy();
    expect((await bench.head(production)).number).toBe(before + 1);
  });

  test('leads its tag to the manifest of the side that has all of them', async () => {
    await sign([development, production]);
    await sign([production]);
    const { digest } = await under(companion);
    await copy();
    expect(await under(companion)).toEqual({ layers: 2, carried: 2, digest });
    await sign([development]);
    await copy();
    expect(await under(companion)).toMatchObject({ layers: 3, carried: 3 });
    await sign([production]);
    expect(await under(companion)).toMatchObject({ layers: 4, carried: 4 });
  });
});
