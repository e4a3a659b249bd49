import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rowsOf } from '#platform/database.js';
import { FakeUpstream } from './fake-upstream.js';
import { simpleSigner } from './keys.js';
import { makeImage, makeIndex } from './push-http.js';
import { type SyncBench, startBench } from './syncing.js';

const base64 = (text: string) => Buffer.from(text).toString('base64');
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

  test('of one key are those of one signer, and count only when they meet the whole policy', async () => {
    const image = upstream.add(makeImage(), 'one');
    const [signer, other] = [await simpleSigner(), await simpleSigner()];
    const sign = async (by: typeof signer, at: Date) =>
      Buffer.from(await by.sign(image.manifest, `${upstream.host}/team/app:one`, at));
    const twice = [await sign(signer, new Date()), await sign(signer, new Date(Date.now() + 2_000))];
    upstream.signatures.set(image.manifest.digest, twice);
    const remote = await bench.makeRemote({ url: upstream.url });
    const keys = [signer.publicKey, other.publicKey];
    const signedBy = keys.map((key) => ({ type: 'signedBy', keyType: 'GPGKeys', keyData: base64(key) }));
    for (const [name, required, trust] of [
      ['two signers', 2, { openpgp_keys: keys }],
      ['both keys', 1, { containers_policy: { default: signedBy } }],
    ] as const)
      await bench.source.query(
        'insert into trust_policy (id, name, required, trust) values (gen_random_uuid(), $1, $2, $3)',
        [name, required, trust],
      );
    const skipped = async (trustPolicy: string) =>
      (await bench.sync(await bench.makeRepository(), remote, { trustPolicy })).skipped;
    expect([await skipped('two signers'), await skipped('both keys')]).toEqual([['one'], ['one']]);
    upstream.signatures.set(image.manifest.digest, [...twice, await sign(other, new Date())]);
    expect([await skipped('two signers'), await skipped('both keys')]).toEqual([[], []]);
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

describe('signatures in a lookaside', () => {
  test('are read until a number is missing, without the credentials of the registry', async () => {
    const signer = await simpleSigner();
    const image = upstream.add(makeImage(), 'one');
    const lookaside = await FakeUpstream.start();
    const folder = `/sigs/team/app@${image.manifest.digest.replace(':', '=')}`;
    for (const number of [1, 2]) {
      const bytes = Buffer.from(await signer.sign(image.manifest, `${upstream.host}/team/app:n${number}`, new Date()));
      lookaside.on(new RegExp(`^GET ${folder}/signature-${number}$`), (_request, response) => void response.end(bytes));
    }
    const remote = await bench.makeRemote({
      url: upstream.url,
      sigstore: `${lookaside.url}/sigs/`,
      username: 'u',
      password: 'p',
    });
    const result = await bench.sync(await bench.makeRepository(), remote);
    expect(result.signatures).toMatchObject({ lookaside: 2, extension: 0 });
    expect(lookaside.requests).toEqual([1, 2, 3].map((number) => `GET ${folder}/signature-${number}`));
    expect(lookaside.authorizations).toEqual([undefined, undefined, undefined]);
    await lookaside.stop();
  });

  test('E5 without an end are refused', async () => {
    upstream.add(makeImage(), 'one');
    upstream.on(/^GET \/sigs\//, (_request, response) => void response.end('x'));
    const remote = await bench.makeRemote({ url: upstream.url, sigstore: `${upstream.url}/sigs` });
    await expect(bench.sync(await bench.makeRepository(), remote)).rejects.toThrow(/more than 128 signatures/);
  });
});

describe('an index of indexes', () => {
  test('comes with everything below it', async () => {
    const leaf = upstream.add(makeImage());
    const inner = makeIndex([leaf.manifest]);
    upstream.addManifest(inner);
    upstream.addManifest(makeIndex([inner, leaf.manifest]), 'outer');
    const result = await bench.sync(await bench.makeRepository(), await bench.makeRemote({ url: upstream.url }));
    expect(result.version?.content_summary.present).toEqual({ blob: 2, manifest: 3, tag: 1 });
  });

  test('E5 that has no end is refused', async () => {
    let index = makeIndex([upstream.add(makeImage()).manifest]);
    for (let depth = 0; depth < 20; depth += 1) {
      upstream.addManifest(index);
      index = makeIndex([index]);
    }
    upstream.addManifest(index, 'deep');
    await expect(
      bench.sync(await bench.makeRepository(), await bench.makeRemote({ url: upstream.url })),
    ).rejects.toThrow(/16 indexes deep/);
  });
});

describe('a referrers API', () => {
  test('E5 that answers null for no referrers, or lists without end, is met', async () => {
    const image = upstream.add(makeImage(), 'one');
    upstream.referrers = new Map();
    const remote = await bench.makeRemote({ url: upstream.url, maxRetries: 0 });
    const repository = await bench.makeRepository();
    expect((await bench.sync(repository, remote)).changed).toBe(true);
    let page = 0;
    upstream.on(/\/referrers\//, (_request, response) => {
      page += 1;
      const link = `</v2/team/app/referrers/${image.manifest.digest}?page=${page}>; rel="next"`;
      response.writeHead(200, { 'content-type': 'application/vnd.oci.image.index.v1+json', link });
      response.end('{"schemaVersion":2,"manifests":[]}');
    });
    await expect(bench.sync(repository, remote)).rejects.toThrow(/more than 100 pages/);
  });
});
