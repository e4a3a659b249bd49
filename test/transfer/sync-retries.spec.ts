import { randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { companionTagOf } from '#oci/reference.js';
import { answer, FakeUpstream, type Script } from './fake-upstream.js';
import { stagedTest as test } from './fake-stage.js';
import { simpleSigner } from './keys.js';
import { descriptorOf, makeImage, type MadeImage } from './push-http.js';
import { refused } from './syncing.js';

/** Answers so often in this way, and then lets the registry answer. */
const first =
  (times: number, script: Script): Script =>
  (request, response) => {
    times -= 1;
    return times < 0 ? false : void script(request, response);
  };

describe('an upstream that limits requests', () => {
  test('E8 is asked again as long as it asks for no more than patience, however few retries there are', async ({
    upstream,
    sync,
  }) => {
    upstream.on(/GET .*\/tags\/list/, first(3, answer(429, { 'retry-after': '0' })));
    expect((await sync({ maxRetries: 1 })).changed).toBe(true);
  });

  test('E8 is left alone by all requests for the time that it asks for', async ({ upstream, sync }) => {
    for (let at = 0; at < 4; at += 1) upstream.add(makeImage(), `more-${at}`);
    let until = 0;
    let early = 0;
    upstream.on(/./, () => {
      if (Date.now() < until - 100) early += 1;
      return false;
    });
    const limited = first(1, (request, response) => {
      until = Date.now() + 1000;
      void answer(429, { 'retry-after': '1' })(request, response);
    });
    upstream.on(/HEAD .*\/manifests\/more-1/, limited);
    expect((await sync({ maxRetries: 1, downloadConcurrency: 2 })).tags).toBe(5);
    expect(until).toBeGreaterThan(0);
    // One may have been under way.
    expect(early).toBeLessThanOrEqual(1);
  });

  test('E8 is not waited for longer than patience', async ({ upstream, remote, ground, refusal }) => {
    await ground.source.query('update remote set max_retries = 3 where id = $1', [remote.id]);
    upstream.on(/GET .*\/tags\/list/, answer(429, { 'retry-after': '3600' }));
    expect(await refusal()).toMatchObject(refused(/gave 429; .*rate_limit or sync later/, 'UPSTREAM_THROTTLED'));
    expect(upstream.requests.filter((line) => line.includes('tags/list'))).toHaveLength(1);
  });

  test.for([429, 503])(
    'E8 and answers %i when it is asked what it can is asked again, so that no signature is lost',
    async (status, { upstream, image, sync }) => {
      const signer = await simpleSigner();
      const signature = await signer.sign(image.manifest, `${upstream.host}/team/app:one`, new Date());
      upstream.signatures.set(image.manifest.digest, [Buffer.from(signature)]);
      upstream.on(/GET \/v2\/$/, first(1, answer(status, { 'retry-after': '0' })));
      expect((await sync({ maxRetries: 1 })).signatures.extension).toBe(1);
    },
  );
});

describe('a list', () => {
  test('E8 that is cut short without telling so is asked for again', async ({ upstream, sync }) => {
    upstream.on(
      /GET .*\/tags\/list/,
      first(1, (request) => void request.socket.end(cutShort)),
    );
    expect((await sync({ maxRetries: 1 })).tags).toBe(1);
  });

  test('of referrers that is refused for one image says nothing about the others', async ({
    upstream,
    image,
    sync,
  }) => {
    upstream.referrers = new Map();
    const others = [0, 1, 2].map((at) => upstream.add(makeImage(), `other-${at}`));
    for (const { manifest } of [image, ...others])
      upstream.referrers.set(manifest.digest, [upstream.add(makeImage({ subject: descriptorOf(manifest) })).manifest]);
    upstream.on(new RegExp(`/referrers/${others[0]!.manifest.digest}`), answer(404));
    const result = await sync({ downloadConcurrency: 1 });
    expect(result.version?.content_summary.present).toMatchObject({ manifest: 7 });
  });
});

describe('a large blob', () => {
  const MIB = 1024 * 1024;
  const largeOf = (upstream: FakeUpstream): MadeImage['blobs'][number] =>
    upstream.add(makeImage({ layers: [randomBytes(5 * MIB)] }), 'large').blobs[1]!;

  test('E8 whose connection breaks off goes on where it did, each byte once', async ({ ground, upstream, sync }) => {
    const large = largeOf(upstream);
    const asked: (string | undefined)[] = [];
    upstream.on(new RegExp(`GET .*/blobs/${large.digest}`), (request, response) => {
      asked.push(request.headers.range);
      const from = Number(/\d+/.exec(request.headers.range ?? '0')![0]);
      const rest = large.bytes.subarray(from);
      const range = { 'content-range': `bytes ${from}-${large.bytes.length - 1}/${large.bytes.length}` };
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length, ...(from > 0 ? range : {}) });
      response.write(rest.subarray(0, 2 * MIB), () => (rest.length > 2 * MIB ? response.destroy() : response.end()));
    });
    expect((await sync({ maxRetries: 1 })).changed).toBe(true);
    const [start, ...ranges] = asked;
    expect(start).toBeUndefined();
    expect(ranges.length).toBeGreaterThanOrEqual(2);
    const offsets = ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range!)![1]));
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    expect(digestOf(await ground.store.getBytes(large.digest, 6 * MIB))).toBe(large.digest);
  });

  test.for([
    ['all of it', 200, {}],
    ['another part', 206, { 'content-range': `bytes 7-${5 * MIB - 1}/${5 * MIB}` }],
    ['no answer of use', 416, {}],
  ] as const)(
    'E8 is begun again when the rest is asked for and %s comes',
    async ([_what, status, headers], { upstream, sync }) => {
      const large = largeOf(upstream);
      let begun = 0;
      upstream.on(new RegExp(`GET .*/blobs/${large.digest}`), (request, response) => {
        if (request.headers.range)
          return void answer(status, headers, large.bytes.toString('latin1'))(request, response);
        begun += 1;
        if (begun > 1) return false;
        response.writeHead(200, { 'content-length': large.bytes.length });
        response.write(large.bytes.subarray(0, 2 * MIB), () => response.destroy());
      });
      expect((await sync({ maxRetries: 1 })).changed).toBe(true);
      expect(begun).toBe(2);
    },
  );
});

describe('what is gone upstream', () => {
  const advice = /^NAME: GET .* gave 404; expected 200\. The upstream names it and does not have it: sync again/;
  const about = (name: string) => refused(new RegExp(advice.source.replace('NAME', name)), 'UPSTREAM_NOT_FOUND');

  test('of an image is told with its tag', async ({ upstream, image, layer, refusal }) => {
    upstream.on(new RegExp(`GET .*/blobs/${layer.digest}`), answer(404));
    expect(await refusal()).toMatchObject(about('one'));
    upstream.calm();
    upstream.on(new RegExp(`GET .*/manifests/${image.manifest.digest}`), answer(404));
    expect(await refusal()).toMatchObject(about('one'));
  });

  test('of a signature is told with its tag', async ({ upstream, image, refusal }) => {
    const tag = companionTagOf(image.manifest.digest, 'sig');
    const signature = upstream.add(makeImage(), tag);
    upstream.on(new RegExp(`GET .*/blobs/${signature.blobs[1]!.digest}`), answer(404));
    expect(await refusal()).toMatchObject(about(tag));
  });
});

/** A page without a length whose connection closed before its end. */
const cutShort = 'HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{"name":"team/app","tags":["on';
