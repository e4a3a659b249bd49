import { createServer, type AddressInfo, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { fallbackTagOf } from '#oci/reference.js';
import { stagedTest as test } from './fake-stage.js';
import { answer, type FakeUpstream } from './fake-upstream.js';
import { descriptorOf, makeImage, makeIndex, manifestOf } from './push-http.js';
import { refused } from './syncing.js';

const ONE_IMAGE = { blob: 2, manifest: 1, tag: 1 };

describe('an odd upstream is synced all the same', () => {
  test('when its remote may take longer than any timer', async ({ ground, remote, sync }) => {
    const limits = ['total_timeout', 'connect_timeout', 'sock_connect_timeout', 'sock_read_timeout'];
    const set = limits.map((each) => `${each} = 1e308`).join(', ');
    await ground.source.query(`update remote set ${set} where id = $1`, [remote.id]);
    expect((await sync()).version?.content_summary.present).toEqual(ONE_IMAGE);
  });

  test.for([400, 404, 405, 501])('when it answers %i to HEAD', async (status, { upstream, sync }) => {
    upstream.on(/^HEAD /, answer(status));
    expect((await sync()).version?.content_summary.present).toEqual(ONE_IMAGE);
  });

  test('when it speaks HTTP/1.0 without lengths and closes every connection', async ({
    ground,
    upstream,
    repository,
  }) => {
    const old = createServer((socket) => void socket.once('data', (head) => void oldAnswer(upstream, socket, head)));
    await new Promise<void>((done) => old.listen(0, '127.0.0.1', done));
    const remote = await ground.makeRemote({ url: `http://127.0.0.1:${(old.address() as AddressInfo).port}` });
    const result = await ground.sync(repository, remote);
    old.close();
    expect(result.version?.content_summary.present).toEqual(ONE_IMAGE);
  });

  test.for(['', 'application/json', 'text/plain', 'text/html', 'application/octet-stream'])(
    'when it gives manifests the type %j',
    async (type, { upstream, image, sync }) => {
      upstream.on(/\/manifests\//, (request, response) => {
        const headers = { 'docker-content-digest': image.manifest.digest, 'content-length': image.manifest.size };
        response.writeHead(200, { ...headers, ...(type ? { 'content-type': type } : {}) });
        response.end(request.method === 'HEAD' ? undefined : image.manifest.bytes);
      });
      expect((await sync()).version?.content_summary.present).toEqual(ONE_IMAGE);
    },
  );

  test('when a page of its tags is empty and another follows', async ({ upstream, sync }) => {
    const more = (page: number) => ({ link: `</v2/team/app/tags/list?page=${page}>; rel="next"` });
    upstream.on(/\/tags\/list$/, answer(200, more(2), '{"tags":null}'));
    upstream.on(/\/tags\/list\?page=2/, answer(200, more(3), '{"tags":[]}'));
    upstream.on(/\/tags\/list\?page=3/, answer(200, {}, '{"tags":["one"]}'));
    expect((await sync()).version?.content_summary.present).toEqual(ONE_IMAGE);
  });

  test.for([400, 404, 405, 406, 501])('when it answers %i to the referrers API', async (status, { upstream, sync }) => {
    upstream.on(/\/referrers\//, answer(status));
    expect((await sync()).version?.content_summary.present).toEqual(ONE_IMAGE);
  });

  test('when it has layers without a byte', async ({ upstream, sync }) => {
    upstream.add(makeImage({ layers: [Buffer.alloc(0)] }), 'empty');
    expect((await sync()).version?.content_summary.present).toEqual({ blob: 4, manifest: 2, tag: 2 });
  });

  test('when it lists names that are no tags, which are left out', async ({ upstream, sync }) => {
    const names = ['../../etc', 'a/b', '', 'x'.repeat(200), 5, null, '.hidden', '-x', 'one\n', 'ünï', 'one', 'one'];
    upstream.on(/\/tags\/list/, answer(200, {}, JSON.stringify({ tags: names })));
    expect((await sync()).version?.content_summary.present).toEqual(ONE_IMAGE);
    expect(upstream.requests.filter((line) => line.startsWith('HEAD'))).toEqual(['HEAD /v2/team/app/manifests/one']);
  });

  test('when its tokens end in the middle, even before they are used', async ({ upstream, sync }) => {
    for (let at = 0; at < 5; at += 1) upstream.add(makeImage(), `tag-${at}`);
    let [issued, used] = [0, 0];
    upstream.on(/\/v2\/team/, (request, response) => {
      const good = request.headers.authorization === `Bearer t${issued}` && (used += 1) <= 4;
      return good
        ? false
        : void answer(401, { 'www-authenticate': `Bearer realm="${upstream.url}/token"` })(request, response);
    });
    upstream.on(/GET \/token/, (_request, response) => {
      // The first one after a while is dead at once.
      used = issued % 2 === 0 ? 0 : 4;
      response.end(JSON.stringify({ token: `t${(issued += 1)}` }));
    });
    const result = await sync({ downloadConcurrency: 1 });
    expect(result.version?.content_summary.present).toEqual({ blob: 12, manifest: 6, tag: 6 });
    expect(issued).toBeGreaterThan(4);
  });

  test('when every other connection for a blob is reset', async ({ upstream, sync }) => {
    let asked = 0;
    upstream.on(/\/blobs\//, (request) => ((asked += 1) % 2 === 1 ? void request.socket.resetAndDestroy() : false));
    expect((await sync({ maxRetries: 3 })).version?.content_summary.present).toEqual(ONE_IMAGE);
  });

  test('when it asks to wait until a date', async ({ upstream, sync }) => {
    const times: number[] = [];
    const until = new Date(Date.now() + 2000).toUTCString();
    upstream.on(/\/tags\/list/, (request, response) =>
      times.push(Date.now()) > 1 ? false : void answer(503, { 'retry-after': until })(request, response),
    );
    expect((await sync({ maxRetries: 2 })).changed).toBe(true);
    expect(times[1]).toBeGreaterThanOrEqual(Date.parse(until));
  });

  test('when it lists referrers that it does not have or that are about something else, which are told', async ({
    upstream,
    image,
    sync,
  }) => {
    const stranger = upstream.add(makeImage());
    const gone = manifestOf({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [] });
    upstream.referrers = new Map([[image.manifest.digest, [stranger.manifest, gone]]]);
    const result = await sync();
    expect(result.version?.content_summary.present).toEqual(ONE_IMAGE);
    expect(result.refusedSignatures).toEqual([
      expect.stringContaining(`${stranger.manifest.digest} does not refer to it`),
      expect.stringContaining(`${gone.digest} is listed, and the upstream does not have it`),
    ]);
  });

  test('when its referrers index lists what was deleted, which is left out with the tag and told', async ({
    upstream,
    image,
    sync,
  }) => {
    const kept = upstream.add(makeImage({ subject: image.manifest }));
    const gone = makeImage({ subject: image.manifest });
    const [stale, orphaned] = [fallbackTagOf(image.manifest.digest), fallbackTagOf(digestOf('deleted'))];
    upstream.addManifest(makeIndex([gone.manifest, kept.manifest]), stale);
    upstream.addManifest(makeIndex([gone.manifest]), orphaned);
    const result = await sync();
    expect(result.version?.content_summary.present).toEqual({ blob: 4, manifest: 2, tag: 1 });
    expect(result.refusedSignatures.toSorted()).toEqual(
      [stale, orphaned]
        .map((tag) => `${tag}: ${gone.manifest.digest} is listed, and the upstream does not have it`)
        .toSorted(),
    );
    expect(await sync()).toMatchObject({ changed: false });
  });

  test('when an index lists blobs beside an image, as caches of BuildKit do', async ({ upstream, image, sync }) => {
    const cached = upstream.add(makeImage());
    const { digest, bytes } = cached.blobs[1]!;
    const layer = { mediaType: 'application/vnd.buildkit.cacheconfig.v0', digest, size: bytes.length };
    const manifests = [descriptorOf(image.manifest), layer];
    upstream.addManifest(manifestOf({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests }), 'cache');
    expect((await sync()).version?.content_summary.present).toEqual({ blob: 3, manifest: 2, tag: 2 });
  });
});

describe('an odd upstream is refused', () => {
  test('when none of the tags that it lists leads to an image any more, and a mirror would lose all', async ({
    ground,
    upstream,
    repository,
    remote,
    sync,
  }) => {
    await sync();
    upstream.on(/\/manifests\//, answer(404));
    await expect(ground.sync(repository, remote, { mirror: true })).rejects.toMatchObject({ code: 'UPSTREAM_EMPTIED' });
    expect(await ground.head(repository)).toMatchObject({ number: 1, present: ONE_IMAGE });
  });

  test('when an index lists an image that is not there', async ({ upstream, image, refusal }) => {
    const gone = { mediaType: MediaType.ociManifest, digest: digestOf('gone'), size: 4 };
    const { mediaType, digest, size } = image.manifest;
    const manifests = [{ mediaType, digest, size }, gone];
    upstream.addManifest(manifestOf({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests }), 'index');
    expect(await refusal()).toMatchObject(refused(new RegExp(`manifests/${gone.digest} gave 404`)));
  });

  test('when an index lists an image of schema 1', async ({ upstream, image, refusal }) => {
    const manifests = [{ ...descriptorOf(image.manifest), mediaType: MediaType.dockerSchema1Signed }];
    upstream.addManifest(manifestOf({ schemaVersion: 2, mediaType: MediaType.dockerList, manifests }), 'old');
    expect(await refusal()).toMatchObject(
      refused(/^old: .*is an image of schema 1, which is not supp/, 'MANIFEST_INVALID'),
    );
  });

  test('when a manifest has a member twice', async ({ upstream, image, refusal }) => {
    const bytes = Buffer.from(image.manifest.bytes.toString().replace('{', '{"schemaVersion":2,'));
    upstream.addManifest({ ...image.manifest, digest: digestOf(bytes), size: bytes.length, bytes }, 'twice');
    expect(await refusal()).toMatchObject(refused(/^twice: .*duplicate member "schemaVersion"/, 'MANIFEST_INVALID'));
  });

  test.for([MediaType.dockerManifest, MediaType.ociIndex])(
    'when it gives an image the type %s',
    async (type, { upstream, image, refusal }) => {
      upstream.on(/\/manifests\//, answer(200, { 'content-type': type }, image.manifest.bytes.toString()));
      expect(await refusal()).toMatchObject(refused(/mediaType: is .*, but the Content-Type is/, 'MANIFEST_INVALID'));
    },
  );

  test('when it compresses what nobody asked it to', async ({ upstream, image, refusal }) => {
    upstream.on(/GET .*\/manifests\//, (_request, response) => {
      response.writeHead(200, { 'content-type': image.manifest.mediaType, 'content-encoding': 'gzip' });
      response.end(gzipSync(image.manifest.bytes));
    });
    expect(await refusal()).toMatchObject(refused(/gave wrong bytes/, 'DIGEST_INVALID'));
  });
});

/** Answers as servers did in 1996. */
async function oldAnswer(upstream: FakeUpstream, socket: Socket, head: Buffer): Promise<void> {
  const [method = '', path = ''] = head.toString().split(' ', 2);
  const found = await fetch(upstream.url + path, { method });
  const bytes = Buffer.from(await found.arrayBuffer());
  const names = method === 'HEAD' ? ['content-length'] : [];
  const headers = [...names, 'content-type', 'docker-content-digest'].map((name) => {
    const value = found.headers.get(name);
    return value === null ? '' : `${name}: ${value}\r\n`;
  });
  socket.end(Buffer.concat([Buffer.from(`HTTP/1.0 ${found.status} Old\r\n${headers.join('')}\r\n`), bytes]));
}
