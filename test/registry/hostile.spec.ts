import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Made, OCI_MANIFEST, pushImage } from './content.js';
import { head, type RawAnswer, sendRaw } from './raw-http.js';
import { type RegistryProcess, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
let image: Made;
beforeAll(async () => {
  registry = await startRegistry();
  image = await pushImage(registry, 'team/app', 'v1');
});
afterAll(() => registry?.close());

const get = (path: string, headers: readonly string[] = []) =>
  sendRaw(registry, head(registry, `GET ${path} HTTP/1.1`, ['Connection: close', ...headers]));

/** What every refusal has in common, and whether its status is one of those. */
function refusal(answer: RawAnswer, statuses: readonly number[]) {
  const { errors } = JSON.parse(answer.body) as { errors: { code: string }[] };
  return {
    expected: statuses.includes(answer.status),
    type: answer.headers.get('content-type') ?? answer.headers.get('Content-Type'),
    api: answer.headers.get('Docker-Distribution-API-Version'),
    coded: /^[A-Z_]+$/.test(errors[0]!.code),
  };
}

const REFUSED = { expected: true, type: 'application/json', api: 'registry/2.0', coded: true };

describe('paths', () => {
  it.each([
    '/v2/../../etc/passwd/manifests/x',
    '/v2/..%2f..%2fetc/manifests/x',
    '/v2/%2e%2e/manifests/x',
    '/v2/.%2e/manifests/x',
    '/v2/%252e%252e/manifests/x',
    '/v2/a\\b/manifests/x',
    '/v2/a%00b/manifests/x',
    '/v2/%c0%ae%c0%ae/manifests/x',
    '/v2/%zz/manifests/x',
    '/v2/%zz',
    '/v2/a//b/manifests/x',
    '/v2//manifests/x',
    '/v2/A/manifests/x',
    '/v2/a___b/manifests/x',
    '/v2/-a/manifests/x',
    `/v2/${'a'.repeat(300)}/manifests/x`,
    `/v2/${'a/'.repeat(5000)}a/manifests/x`,
    '/v2/team/app/manifests/..%2f..%2fx',
    '/v2/team/app/manifests/%00',
    '/v2/team%2fapp/manifests/v1',
    `/v2/team/app/manifests/${'x'.repeat(5000)}`,
    '/v2/team/app',
    '/v2/team/app/unknown/x',
    '/v2/team/app/blobs/uploads/../../x',
    '/v2/team/app/blobs/uploads/not-a-uuid',
    '/extensions/v2/x',
    '/extensions/v1/team/app/signatures/x',
    '/lookaside/team/app/x',
    '/lookaside/team/app@sha256=zz/signature-1',
    '/pulp/container/team/app/x',
    '/v2/_ext/oci-artifacts/v2/team/app/manifests/v1/links?artifact-type=x',
  ])('%s is refused in the OCI form', async (path) => {
    expect(refusal(await get(path), [400, 404])).toEqual(REFUSED);
  });

  it.each([
    'sha256:../../x',
    'sha256:',
    `sha256:${'A'.repeat(64)}`,
    'md5:abc',
    `sha256:${'a'.repeat(64)}@x`,
    'sha256:totallywrong',
  ])('the digest %s is refused wherever a digest stands', async (digest) => {
    for (const noun of ['blobs', 'manifests', 'referrers']) {
      const answer = await get(`/v2/team/app/${noun}/${digest}`);
      expect(refusal(answer, [400, 404])).toEqual(REFUSED);
    }
  });

  it('of other methods are 405, and of unknown ones too', async () => {
    for (const line of [
      'POST /v2/team/app/manifests/v1 HTTP/1.1',
      'PUT /v2/team/app/tags/list HTTP/1.1',
      'PATCH /v2/ HTTP/1.1',
      'DELETE /v2/_catalog HTTP/1.1',
      'OPTIONS /v2/team/app/manifests/v1 HTTP/1.1',
      'TRACE /v2/team/app/manifests/v1 HTTP/1.1',
      'PROPFIND /v2/team/app/manifests/v1 HTTP/1.1',
      'DELETE /extensions/v2/team/app/signatures/x HTTP/1.1',
    ])
      expect(
        refusal(await sendRaw(registry, head(registry, line, ['Content-Length: 0', 'Connection: close'])), [404, 405]),
      ).toEqual(REFUSED);
  });

  it('take an escaped colon and an absolute target as what they mean', async () => {
    expect((await get(`/v2/team/app/manifests/${image.digest.replace(':', '%3A')}`)).status).toBe(200);
    expect((await get(`http://evil.example/v2/team/app/manifests/v1`)).status).toBe(200);
  });

  it('are built from the configured origin whatever the request claims', async () => {
    const line = 'POST /v2/team/app/blobs/uploads/ HTTP/1.1';
    const lies = ['X-Forwarded-Host: evil.example', 'X-Forwarded-Proto: https', 'Forwarded: host=evil.example'];
    const answer = await sendRaw(
      registry,
      head(registry, line, ['Content-Length: 0', ...lies]).replace(`Host: ${registry.host}`, 'Host: evil.example'),
    );
    expect(answer.status).toBe(202);
    expect(answer.headers.get('Location')!.startsWith(`${registry.url}/v2/`)).toBe(true);
  });
});

describe('queries', () => {
  it('are bounded', async () => {
    const many = Array.from({ length: 500 }, (_, at) => `artifactType=a/${at}`).join('&');
    expect(refusal(await get(`/v2/team/app/referrers/${image.digest}?${many}`), [400, 414])).toEqual(REFUSED);
    const tags = Array.from({ length: 150 }, (_, at) => `tag=t${at}`).join('&');
    const put = await registry.request('PUT', `/v2/team/app/manifests/${image.digest}?${tags}`, {
      headers: { 'content-type': OCI_MANIFEST },
      body: image.bytes,
    });
    expect(put.status).toBe(400);
    expect([400, 414, 431]).toContain((await get(`/v2/team/app/tags/list?last=${'x'.repeat(20_000)}`)).status);
  });

  it('with odd bytes do no harm', async () => {
    for (const query of ['?n=%00', '?last=%00', '?last=%ff', '?n=1&n=2', '?__proto__=1', '?last='])
      expect([200, 400]).toContain((await get(`/v2/team/app/tags/list${query}`)).status);
  });
});

describe('headers', () => {
  it('in slow patterns are read in no time', async () => {
    const evil = `${'a-'.repeat(3500)}!`;
    for (const name of ['Accept', 'Range', 'If-None-Match', 'Authorization', 'Content-Range']) {
      const began = performance.now();
      const answer = await get('/v2/team/app/manifests/v1', [`${name}: ${evil}`]);
      expect(answer.status).toBeLessThan(500);
      expect(performance.now() - began).toBeLessThan(1000);
    }
  });

  it('that smuggle a second request are refused and the connection closed', async () => {
    for (const lies of [
      ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      ['Content-Length: 4', 'Content-Length: 5'],
      ['Transfer-Encoding: xchunked'],
    ]) {
      const answer = await sendRaw(registry, `${head(registry, 'PUT /v2/team/app/manifests/x HTTP/1.1', lies)}GET /`);
      expect(answer.status).toBe(400);
      expect(answer.text.match(/HTTP\/1\.1 /g)!.length).toBe(1);
    }
  });

  it('that override the method are ignored', async () => {
    const answer = await get('/v2/team/app/manifests/v1', ['X-HTTP-Method-Override: DELETE']);
    expect(answer.status).toBe(200);
    expect((await get('/v2/team/app/manifests/v1')).status).toBe(200);
  });
});

describe('Expect: 100-continue', () => {
  const put = (as: string | null, length: number) =>
    head(
      registry,
      'PUT /v2/team/app/manifests/expected HTTP/1.1',
      [`Content-Type: ${OCI_MANIFEST}`, `Content-Length: ${length}`, 'Expect: 100-continue'],
      as,
    );

  it('is answered by the refusal alone when the caller may not', async () => {
    for (const as of [null, 'bob']) {
      const answer = await sendRaw(registry, put(as, 1000));
      expect([401, 403]).toContain(answer.status);
      expect(answer.text).not.toContain('100 Continue');
    }
  });

  it('is refused before the bytes when they are too many', async () => {
    const answer = await sendRaw(registry, put('admin', 100_000_000));
    expect(answer.status).toBe(413);
    expect(answer.text).not.toContain('100 Continue');
  });

  it('is told to go on when the caller may', async () => {
    const answer = await sendRaw(registry, Buffer.concat([Buffer.from(put('admin', image.size)), image.bytes]));
    expect(answer.status).toBe(100);
    expect(answer.text).toContain('HTTP/1.1 201 Created');
  });
});

describe('bodies', () => {
  it('that are too large are refused while they come', async () => {
    const body = Buffer.alloc(5 * 1024 * 1024, 0x20);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(body);
        controller.close();
      },
    });
    const answer = await registry.request('PUT', '/v2/team/app/manifests/large', {
      headers: { 'content-type': OCI_MANIFEST },
      body: stream,
    });
    expect([answer.status, answer.code]).toEqual([413, 'SIZE_INVALID']);
    expect((await registry.request('GET', '/v2/')).status).toBe(200);
  });

  it('that never end are cut off some time after the refusal', async () => {
    const endless = Buffer.from(`100000\r\n${'x'.repeat(0x10_00_00)}\r\n`);
    const headers = [`Content-Type: ${OCI_MANIFEST}`, 'Transfer-Encoding: chunked'];
    const socket = createConnection(registry.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(head(registry, 'PUT /v2/team/app/manifests/endless HTTP/1.1', headers));
    const timer = setInterval(() => socket.write(endless), 50);
    socket.resume();
    await closed;
    clearInterval(timer);
    expect((await registry.request('GET', '/v2/')).status).toBe(200);
  });

  it('with any type at all reach the registry as they are', async () => {
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'nonsense', ';;;']) {
      const answer = await registry.request('PUT', '/v2/team/app/manifests/typed', {
        headers: { 'content-type': type },
        body: '{"broken',
      });
      expect([answer.status, answer.code]).toEqual([400, 'MANIFEST_INVALID']);
    }
  });

  it('nested deeply or written to poison prototypes are refused', async () => {
    const began = performance.now();
    for (const body of ['['.repeat(100_000), `${'{"a":'.repeat(100_000)}1`, '{"__proto__":{"mediaType":"x"}}']) {
      const answer = await registry.request('PUT', '/v2/team/app/manifests/deep', {
        headers: { 'content-type': OCI_MANIFEST },
        body,
      });
      expect(answer.status).toBe(400);
    }
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
