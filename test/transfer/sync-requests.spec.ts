import { describe, expect } from 'vitest';
import { findByTag } from '#content/read/find-manifest.js';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { answer, FakeUpstream, type Script } from './fake-upstream.js';
import { makeImage, manifestOf } from './push-http.js';
import { stagedTest as test } from './fake-stage.js';
import { refused, startBench } from './syncing.js';

describe('requests', () => {
  test('of a sync without news are one HEAD for each tag, the list and two questions what the upstream can', async ({
    upstream,
    sync,
  }) => {
    upstream.add(makeImage(), 'two');
    await sync();
    upstream.forget();
    const result = await sync();
    expect(result.changed).toBe(false);
    expect([...upstream.requests].sort()).toEqual([
      'GET /v2/',
      expect.stringMatching(/^GET \/v2\/team\/app\/referrers\//),
      'GET /v2/team/app/tags/list',
      'HEAD /v2/team/app/manifests/one',
      'HEAD /v2/team/app/manifests/two',
    ]);
  });

  test('of a first sync are one GET for each tag, once ten were asked for and led to something new', async ({
    upstream,
    sync,
  }) => {
    for (let at = 0; at < 14; at += 1) upstream.add(makeImage(), `new-${at}`);
    upstream.addManifest(upstream.tags.get('new-12')!, 'the-same');
    upstream.add(makeImage(), 'last');
    const result = await sync({ downloadConcurrency: 1 });
    expect(result.version?.content_summary.present).toEqual({ blob: 32, manifest: 16, tag: 17 });
    expect(result.fetched.manifests).toBe(16);
    const asked = upstream.requests.filter((line) => /manifests\/(?!sha256)/.test(line));
    const tags = ['one', ...Array.from({ length: 14 }, (_each, at) => `new-${at}`), 'the-same', 'last'];
    // A tag that leads to what is here already ends it: the rest may be here, too.
    const fetched = (tag: string, at: number) => at >= 10 && tag !== 'last';
    expect(asked).toEqual(tags.map((tag, at) => `${fetched(tag, at) ? 'GET' : 'HEAD'} /v2/team/app/manifests/${tag}`));
  });

  test('of a second repository are HEAD for each tag when the images are here already', async ({
    ground,
    upstream,
    remote,
    sync,
  }) => {
    for (let at = 0; at < 14; at += 1) upstream.add(makeImage(), `tag-${at}`);
    await sync();
    upstream.forget();
    const result = await ground.sync(await ground.makeRepository(), remote);
    expect(result.fetched).toEqual({ manifests: 0, blobs: 0, bytes: 0 });
    expect(upstream.requests.filter((line) => line.startsWith('HEAD'))).toHaveLength(15);
    expect(upstream.requests.filter((line) => line.startsWith('GET') && line.includes('/manifests/'))).toEqual([]);
  });

  test('follow pages to the upstream itself, wherever their links point', async ({ upstream, sync }) => {
    const elsewhere = await FakeUpstream.start();
    upstream.add(makeImage(), 'two');
    upstream.add(makeImage(), 'three');
    const page = (tag: string, link?: string) => answer(200, link ? { link } : {}, JSON.stringify({ tags: [tag] }));
    upstream.on(/\/tags\/list$/, page('one', `<${elsewhere.url}/v2/team/app/tags/list?last=one>; rel="next"`));
    upstream.on(/last=one$/, page('two', '<list?last=two>; rel=next'));
    upstream.on(/last=two$/, page('three'));
    const result = await sync();
    await elsewhere.stop();
    expect(result).toMatchObject({ tags: 3 });
    expect(elsewhere.requests).toEqual([]);
  });

  test('E4 leave layers alone whose bytes live elsewhere', async ({ upstream, image, sync }) => {
    const elsewhere = await FakeUpstream.start();
    const foreign = { mediaType: MediaType.ociLayer, digest: digestOf('x'), size: 1, urls: [`${elsewhere.url}/x`] };
    const { config } = JSON.parse(image.manifest.bytes.toString()) as { config: unknown };
    upstream.addManifest(
      manifestOf({ schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [foreign] }),
      'foreign',
    );
    const result = await sync();
    await elsewhere.stop();
    expect(result.version?.content_summary.present).toEqual({ blob: 2, manifest: 2, tag: 2 });
    expect(elsewhere.requests).toEqual([]);
    expect(upstream.requests.filter((line) => line.includes(foreign.digest))).toEqual([]);
  });

  test('E7 take what a tag meant when it was asked for, though it moves meanwhile', async ({
    ground,
    upstream,
    image,
    repository,
    sync,
  }) => {
    const moved = makeImage();
    upstream.on(/GET .*\/manifests\//, () => {
      upstream.add(moved, 'one');
      return false;
    });
    await sync();
    const found = await findByTag(ground.source, { repositoryId: repository, pinned: null }, 'one');
    expect(found?.digest).toBe(image.manifest.digest);
  });

  test('use the connections again that earlier ones left, whether answers are wanted or not', async ({
    ground,
    upstream,
    image,
    remote,
    sync,
  }) => {
    for (let at = 0; at < 40; at += 1) upstream.addManifest(image.manifest, `tag-${at}`);
    await ground.source.query('update remote set download_concurrency = 3 where id = $1', [remote.id]);
    await sync();
    expect(upstream.requests.length).toBeGreaterThan(40);
    expect(upstream.connections).toBeLessThanOrEqual(3);
  });

  test('ask for bytes as they are stored, since digests are of those', async ({ upstream, sync }) => {
    const codings = new Set<string | undefined>();
    upstream.on(/./, (request) => {
      codings.add(request.headers['accept-encoding'] as string | undefined);
      return false;
    });
    await sync();
    expect([...codings]).toEqual(['identity']);
  });

  test('keep to rate_limit', async ({ ground, upstream, image, remote, sync }) => {
    await ground.source.query('update remote set rate_limit = 5 where id = $1', [remote.id]);
    for (let at = 0; at < 6; at += 1) upstream.addManifest(image.manifest, `tag-${at}`);
    const begun = Date.now();
    await sync();
    expect(Date.now() - begun).toBeGreaterThan(1000);
  });

  test('E3 carry the headers of the remote, and not to another host', async ({
    ground,
    upstream,
    layer,
    remote,
    sync,
  }) => {
    const elsewhere = await FakeUpstream.start();
    const seen: unknown[] = [];
    const [host, port] = elsewhere.host.split(':');
    elsewhere.on(/./, (request, response) => {
      seen.push(request.headers['x-secret'], request.headers.authorization);
      response.end(layer.bytes);
    });
    upstream.on(new RegExp(`GET .*/blobs/${layer.digest}`), answer(307, { location: `http://${host}:${port}/cdn` }));
    await ground.source.query(
      `update remote set headers = '[{"X-Secret":"s"}]', username = 'u', password = 'p' where id = $1`,
      [remote.id],
    );
    let secret: unknown;
    upstream.on(/tags\/list/, (request) => ((secret = request.headers['x-secret']), false));
    await sync();
    await elsewhere.stop();
    expect(secret).toBe('s');
    expect(seen).toEqual([undefined, undefined]);
  });
});

describe('credentials', () => {
  const challenge =
    (realm: string): Script =>
    (request, response) =>
      request.headers.authorization?.startsWith('Bearer ')
        ? false
        : void answer(401, {
            'www-authenticate': `Bearer realm="${realm}",service="s",scope="repository:team/app:pull"`,
          })(request, response);

  test('go to a realm on the own host, and its token to the registry', async ({ ground, upstream, remote, sync }) => {
    await ground.source.query(`update remote set username = 'u', password = 'p' where id = $1`, [remote.id]);
    let basic: string | undefined;
    upstream.on(/\/v2\/team/, challenge(`${upstream.url}/token`));
    upstream.on(/GET \/token/, (request, response) => {
      basic = request.headers.authorization;
      response.end('{"token":"abc"}');
    });
    expect((await sync()).changed).toBe(true);
    expect(basic).toBe(`Basic ${Buffer.from('u:p').toString('base64')}`);
    expect(upstream.authorizations).toContain('Bearer abc');
    expect(upstream.requests.filter((line) => line.startsWith('GET /token'))).toHaveLength(1);
  });

  test('E2 never go to a foreign realm', async ({ ground, upstream, remote, refusal }) => {
    const foreign = await FakeUpstream.start();
    const port = foreign.host.split(':')[1];
    foreign.on(/./, answer(401));
    await ground.source.query(`update remote set username = 'u', password = 'p' where id = $1`, [remote.id]);
    upstream.on(/\/v2\/team/, challenge(`http://localhost:${port}/token`));
    const open = await startBench({ outboundAllow: ['localhost'] });
    const other = await open.makeRemote({ url: upstream.url, username: 'u', password: 'p', maxRetries: 0 });
    await expect(open.sync(await open.makeRepository(), other)).rejects.toThrow(/HALLMARK_TOKEN_REALM_ALLOW/);
    expect(foreign.authorizations).toEqual([undefined]);
    expect(await refusal()).toMatchObject(refused(/private address localhost/));
    await open.stop();
    await foreign.stop();
  });

  test('E3 follow a realm that redirects, and are not sent to a foreign host that it redirects to', async ({
    ground,
    upstream,
    remote,
    sync,
  }) => {
    await ground.source.query(`update remote set username = 'u', password = 'p' where id = $1`, [remote.id]);
    const foreign = await FakeUpstream.start();
    foreign.on(/./, answer(200, {}, '{"access_token":"abc"}'));
    upstream.on(/\/v2\/team/, challenge(`${upstream.url}/token`));
    upstream.on(/GET \/token/, answer(301, { location: `http://localhost:${foreign.host.split(':')[1]}/here` }));
    const open = await startBench({ outboundAllow: ['localhost'] });
    const other = await open.makeRemote({ url: upstream.url, username: 'u', password: 'p', maxRetries: 0 });
    expect((await open.sync(await open.makeRepository(), other)).changed).toBe(true);
    expect(foreign.authorizations).toEqual([undefined]);
    upstream.on(/GET \/token/, answer(301, { location: '/there' }));
    upstream.on(/GET \/there/, answer(200, {}, '{"access_token":"abc"}'));
    expect((await sync()).changed).toBe(true);
    const at = upstream.requests.lastIndexOf('GET /there');
    expect(upstream.authorizations[at]).toBe(`Basic ${Buffer.from('u:p').toString('base64')}`);
    await open.stop();
    await foreign.stop();
  });

  test('of Basic authentication are sent when they are asked for', async ({ ground, upstream, remote, sync }) => {
    await ground.source.query(`update remote set username = 'u', password = 'p w' where id = $1`, [remote.id]);
    const wanted = `Basic ${Buffer.from('u:p w').toString('base64')}`;
    upstream.on(/\/v2\/team/, (request, response) =>
      request.headers.authorization === wanted
        ? false
        : void answer(401, { 'www-authenticate': 'Basic realm="r"' })(request, response),
    );
    expect((await sync()).changed).toBe(true);
  });

  test('that are wrong end the sync with a hint', async ({ upstream, refusal }) => {
    upstream.on(/\/v2\/team/, answer(401, { 'www-authenticate': 'Basic realm="r"' }));
    expect(await refusal()).toMatchObject(refused(/gave 401.*user name/, 'UPSTREAM_UNAUTHORIZED'));
  });
});
