import { randomBytes } from 'node:crypto';
import { describe, expect, vi } from 'vitest';
import { findByDigest } from '#content/read/find-manifest.js';
import { MediaType } from '#oci/media-types.js';
import { rowsOf } from '#platform/database.js';
import { answer, type Script } from './fake-upstream.js';
import { makeImage, manifestOf } from './push-http.js';
import { stagedTest as test } from './fake-stage.js';
import { refused } from './syncing.js';

interface ManifestJson {
  readonly config: unknown;
  readonly layers: readonly { readonly size: number }[];
}

describe('an upstream that misbehaves ends the sync with a reason and an unchanged repository', () => {
  test('E6 wrong bytes of a blob', async ({ ground, upstream, layer, refusal }) => {
    upstream.on(new RegExp(`GET .*/blobs/${layer.digest}`), answer(200, {}, 'x'.repeat(layer.bytes.length)));
    expect(await refusal()).toMatchObject(refused(/wrong bytes: expected sha256:[a-f0-9]{64}, actual sha256:/));
    expect(await ground.store.size(layer.digest)).toBeUndefined();
  });

  test('E6 wrong bytes of a manifest', async ({ upstream, refusal }) => {
    upstream.on(/GET .*\/manifests\//, answer(200, { 'content-type': MediaType.ociManifest }, '{"schemaVersion":2}'));
    expect(await refusal()).toMatchObject(refused(`${upstream.url}/v2/team/app/manifests/`, 'DIGEST_INVALID'));
  });

  test('E8 a truncated blob', async ({ upstream, layer, refusal }) => {
    upstream.on(new RegExp(`GET .*/blobs/${layer.digest}`), (_request, response) => {
      response.writeHead(200, { 'content-length': layer.bytes.length });
      response.write(layer.bytes.subarray(0, 100), () => response.destroy());
    });
    expect(await refusal()).toMatchObject(
      refused(/cannot be reached: the answer broke off after \d+ bytes: /, 'UPSTREAM_UNAVAILABLE'),
    );
  });

  test('E8 a large blob that is cut off', async ({ ground, upstream, refusal }) => {
    const large = upstream.add(makeImage({ layers: [randomBytes(600_000)] }), 'large').blobs[1]!;
    upstream.on(new RegExp(`GET .*/blobs/${large.digest}`), (_request, response) => {
      response.writeHead(200, { 'content-length': large.bytes.length });
      response.write(large.bytes.subarray(0, 100_000), () => response.destroy());
    });
    expect(await refusal()).toMatchObject(
      refused(/cannot be reached: the answer broke off after \d+ bytes: /, 'UPSTREAM_UNAVAILABLE'),
    );
    expect(await ground.store.size(large.digest)).toBeUndefined();
  });

  test('E6 two manifests that give one blob different sizes', async ({ upstream, image, refusal }) => {
    const { config, layers } = JSON.parse(image.manifest.bytes.toString()) as ManifestJson;
    const other = { ...layers[0]!, size: layers[0]!.size - 1 };
    const liar = manifestOf({ schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [other] });
    upstream.addManifest(liar, 'liar');
    expect(await refusal()).toMatchObject(refused(/gives \d+ bytes for sha256:[a-f0-9]{64}, which has \d+|more than/));
  });

  test('E5 more bytes than the manifest says', async ({ upstream, refusal }) => {
    upstream.on(/GET .*\/blobs\//, answer(200, {}, 'x'.repeat(9000)));
    expect(await refusal()).toMatchObject(refused(/wrong bytes|more than/));
  });

  test('E8 errors of the server', async ({ upstream, refusal }) => {
    upstream.on(/GET .*\/tags\/list/, answer(500));
    expect(await refusal()).toMatchObject(
      refused(/GET http:\/\/127.0.0.1:\d+\/v2\/team\/app\/tags\/list gave 500; expected 200/),
    );
  });

  test('E5 a loop of redirects', async ({ upstream, refusal }) => {
    upstream.on(/GET .*\/blobs\//, (request, response) => {
      const next = request.url!.endsWith('?a') ? request.url!.replace('?a', '?b') : `${request.url!.split('?')[0]}?a`;
      return answer(307, { location: next })(request, response);
    });
    expect(await refusal()).toMatchObject(refused(/redirects in a loop/));
  });

  test('E5 redirects without end', async ({ upstream, refusal }) => {
    let hop = 0;
    upstream.on(/GET .*\/blobs\//, (request, response) =>
      answer(307, { location: `${request.url!.split('?')[0]}?${(hop += 1)}` })(request, response),
    );
    expect(await refusal()).toMatchObject(refused(/redirects more than 10 times/));
  });

  test.for([
    'http://169.254.169.254/latest/meta-data',
    'http://10.1.2.3/x',
    'http://[::1]:80/x',
    'http://[::ffff:10.0.0.1]/x',
    'http://localhost:9/x',
    'http://127.0.0.2:9/x',
    'file:///etc/passwd',
  ])('E1 a redirect to %s', async (location, { upstream, refusal }) => {
    upstream.on(/GET .*\/blobs\//, answer(307, { location }));
    expect(await refusal()).toMatchObject(refused(/private address|is not followed/, 'UPSTREAM_REFUSED'));
  });

  test('E5 a manifest that is too large', async ({ upstream, refusal }) => {
    upstream.on(
      /GET .*\/manifests\//,
      answer(200, { 'content-type': MediaType.ociManifest }, ' '.repeat(5 * 1024 * 1024)),
    );
    expect(await refusal()).toMatchObject(refused(/at most 4194304|more than 4194304/));
  });

  test('E5 pages of tags in a loop', async ({ upstream, refusal }) => {
    upstream.on(
      /\/tags\/list/,
      answer(200, { link: '</v2/team/app/tags/list?last=a>; rel="next"' }, '{"tags":["one"]}'),
    );
    expect(await refusal()).toMatchObject(refused(/nothing new|in a loop/));
  });

  test('E5 pages of tags without end', async ({ upstream, refusal }) => {
    let page = 0;
    upstream.on(/\/tags\/list/, (request, response) => {
      page += 1;
      return answer(
        200,
        { link: `</v2/team/app/tags/list?last=${page}>; rel="next"` },
        '{"tags":["one"]}',
      )(request, response);
    });
    expect(await refusal()).toMatchObject(refused(/nothing new/));
  });

  test.for([
    ['total_timeout', /cannot be reached/],
    ['sock_read_timeout', /cannot be reached: .*only \d+ bytes came in 0\.5 s/],
  ] as const)(
    'E5 a blob that drips for ever, by %s',
    async ([limit, reason], { ground, upstream, layer, remote, refusal }) => {
      await ground.source.query(`update remote set ${limit} = 0.5 where id = $1`, [remote.id]);
      upstream.on(new RegExp(`GET .*/blobs/${layer.digest}`), drip);
      expect(await refusal()).toMatchObject(refused(reason, 'UPSTREAM_UNAVAILABLE'));
    },
  );

  test('E5 lists that drip for ever', async ({ ground, upstream, remote, refusal }) => {
    await ground.source.query('update remote set sock_read_timeout = 0.5 where id = $1', [remote.id]);
    upstream.on(/\/tags\/list/, drip);
    expect(await refusal()).toMatchObject(refused(/broke off after \d+ bytes: only \d+ bytes came in 0\.5 s/));
  });

  test('E5 pages of referrers without end', async ({ upstream, refusal }) => {
    upstream.referrers = new Map();
    let page = 0;
    upstream.on(/\/referrers\//, (request, response) =>
      answer(
        200,
        { 'content-type': MediaType.ociIndex, link: `<${request.url!.split('?')[0]}?n=${(page += 1)}>; rel="next"` },
        '{"manifests":[]}',
      )(request, response),
    );
    expect(await refusal()).toMatchObject(refused(/more than 100 pages/, 'UPSTREAM_LIMIT'));
  });

  test('a tag list that is a page for people', async ({ upstream, refusal }) => {
    upstream.on(/GET .*\/tags\/list/, answer(200, { 'content-type': 'text/html' }, '<html>Welcome</html>'));
    expect(await refusal()).toMatchObject(refused(/the tag list is no JSON/, 'UPSTREAM_INVALID'));
  });

  test('a manifest that is a page for people', async ({ upstream, refusal }) => {
    const page = manifestOf({ mediaType: 'text/html', text: 'Welcome' });
    upstream.addManifest(page, 'page');
    expect(await refusal()).toMatchObject(refused(/The manifest sha256:[a-f0-9]{64} of the upstream is not usable/));
  });

  test('a manifest that is no manifest, or of schema 1, among those that come by their tags', async ({
    upstream,
    refusal,
  }) => {
    for (let at = 0; at < 10; at += 1) upstream.add(makeImage(), `good-${at}`);
    upstream.addManifest(manifestOf({ mediaType: 'text/html', text: 'Welcome' }), 'page');
    expect(await refusal()).toMatchObject(refused(/^page: The manifest sha256:[a-f0-9]{64} of the upstream is not/));
    upstream.addManifest(manifestOf({ mediaType: MediaType.dockerSchema1Signed, schemaVersion: 1 }), 'page');
    expect(await refusal()).toMatchObject(refused(/^page is an image of schema 1/, 'SCHEMA1_UNSUPPORTED'));
    expect(upstream.requests).toContain('GET /v2/team/app/manifests/page');
  });

  test('an image of schema 1', async ({ upstream, image, refusal }) => {
    upstream.on(
      /HEAD .*\/manifests\/one/,
      answer(200, {
        'content-type': MediaType.dockerSchema1Signed,
        'docker-content-digest': image.manifest.digest,
        'content-length': '10',
      }),
    );
    expect(await refusal()).toMatchObject(refused(/^one is an image of schema 1/));
  });

  test('E8 an answer that does not come', async ({ ground, upstream, remote, refusal }) => {
    await ground.source.query('update remote set sock_read_timeout = 0.3 where id = $1', [remote.id]);
    upstream.on(/GET .*\/blobs\//, () => true);
    expect(await refusal()).toMatchObject(refused(/cannot be reached/));
  });
});

describe('faults that pass', () => {
  test('E8 are the bodies that a server sends after HEAD', async ({ ground, upstream, image, remote, sync }) => {
    for (let at = 0; at < 10; at += 1) upstream.addManifest(image.manifest, `tag-${at}`);
    await ground.source.query('update remote set max_retries = 5, download_concurrency = 2 where id = $1', [remote.id]);
    upstream.on(/HEAD .*\/manifests\//, (_request, response) => {
      const { digest, mediaType, size, bytes } = image.manifest;
      response.socket!.write(
        `HTTP/1.1 200 OK\r\ncontent-type: ${mediaType}\r\ndocker-content-digest: ${digest}\r\ncontent-length: ${size}\r\n\r\n${bytes.toString()}`,
      );
    });
    expect((await sync()).version?.content_summary.present).toEqual({ blob: 2, manifest: 1, tag: 11 });
  });

  test('E8 are met by trying again, not before the time that the upstream asks for', async ({
    ground,
    upstream,
    remote,
    sync,
  }) => {
    await ground.source.query('update remote set max_retries = 2 where id = $1', [remote.id]);
    let asked = 0;
    upstream.on(/GET .*\/tags\/list/, (request, response) => {
      asked += 1;
      return asked > 1 ? false : void answer(429, { 'retry-after': '1' })(request, response);
    });
    const begun = Date.now();
    const result = await sync();
    expect(result.changed).toBe(true);
    expect(Date.now() - begun).toBeGreaterThanOrEqual(1000);
  });

  test('E8 an ended sync goes on without fetching again what is here', async ({
    ground,
    upstream,
    image,
    layer,
    repository,
    sync,
  }) => {
    const two = upstream.add(makeImage(), 'two');
    upstream.on(new RegExp(`GET .*/blobs/${two.blobs[1]!.digest}`), async (request, response) => {
      await vi.waitUntil(async () => (await ground.store.size(layer.digest)) !== undefined, { timeout: 30_000 });
      await answer(500)(request, response);
    });
    await expect(sync({ downloadConcurrency: 2 })).rejects.toThrow('gave 500');
    const one = { repositoryId: repository, pinned: null };
    expect(await findByDigest(ground.source, one, image.manifest.digest)).toBeUndefined();
    expect(await rowsOf(ground.source, 'select 1 from staged')).toEqual([]);
    upstream.calm();
    const result = await sync();
    expect(result.version?.content_summary.present).toEqual({ blob: 4, manifest: 2, tag: 2 });
    const refetched = upstream.requests.filter((line) => line === `GET /v2/team/app/blobs/${layer.digest}`);
    expect(refetched).toEqual([]);
  });

  test('a cancelled sync stops and leaves the repository', async ({ ground, upstream, remote, repository }) => {
    const cancel = new AbortController();
    upstream.on(/GET .*\/blobs\//, () => {
      cancel.abort(new Error('cancelled'));
    });
    await expect(ground.sync(repository, remote, { signal: cancel.signal })).rejects.toThrow('cancelled');
    expect(await ground.head(repository)).toMatchObject({ number: 0 });
  });
});

/** A body of which a byte comes in time, and never the last one. */
const drip: Script = (_request, response) => {
  const drops = setInterval(() => response.write('x'), 20);
  response.on('close', () => clearInterval(drops));
};
