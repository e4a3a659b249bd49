import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseScopes } from '#access/token-scopes.js';
import { isDigest } from '#oci/digest.js';
import { isRepositoryName, isTagName } from '#oci/reference.js';
import { parseRanges } from '#storage/byte-ranges.js';
import { matchesEntityTag } from '../../apps/registry/http/conditions.js';
import { type Made, made, OCI_INDEX, OCI_MANIFEST, pushImage, putManifest } from './content.js';
import { head, sendRaw } from './raw-http.js';
import { REFUSED, refusal } from './refusals.js';
import { basic, type RegistryProcess, sha, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
let image: Made;
beforeAll(async () => {
  registry = await startRegistry();
  image = await pushImage(registry, 'team/app', 'v1');
});
afterAll(() => registry?.close());

const send = (line: string, headers: readonly string[] = []) =>
  sendRaw(registry, head(registry, `${line} HTTP/1.1`, ['Connection: close', ...headers]));
const get = (path: string, headers: readonly string[] = []) => send(`GET ${path}`, headers);

describe('paths and names', () => {
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
    '/v2/team/app/manifests/..%2f..%2fx',
    '/v2/team/app/manifests/%00',
    '/v2/team%2fapp/manifests/v1',
    '/v2/team/app/blobs/uploads/../../x',
    '/lookaside/team/app/x',
    '/lookaside/team/app@sha256=zz/signature-1',
    '/pulp/container/team/app/x',
    '/extensions/v2/x',
    '/extensions/v1/team/app/signatures/x',
    '/v2/_ext/oci-artifacts/v2/team/app/manifests/v1/links?artifact-type=x',
  ])('A1 %s leads nowhere', async (path) => {
    expect(refusal(await get(path), [400, 404])).toEqual(REFUSED);
  });

  const badNames = ['A', 'a___b', '-a', 'a//b', 'a/', 'a'.repeat(300), `${'a/'.repeat(5000)}a`];
  it.each(badNames.map((name) => [name.slice(0, 20), name]))('A2 the name %s is refused', async (_shown, name) => {
    expect(refusal(await get(`/v2/${name}/manifests/x`), [400, 404])).toEqual(REFUSED);
    const put = await send(`PUT /v2/${name}/manifests/x`, [`Content-Type: ${OCI_MANIFEST}`, 'Content-Length: 0']);
    expect(refusal(put, [400, 404])).toEqual(REFUSED);
    expect(put.body).toContain('NAME_INVALID');
  });

  it('A2 a name of 255 characters is taken, one of 256 is not', async () => {
    for (const [length, status] of [
      [255, 202],
      [256, 400],
    ] as const) {
      const name = `team/${'x'.repeat(length - 5)}`;
      expect((await registry.request('POST', `/v2/${name}/blobs/uploads/`)).status).toBe(status);
    }
  });

  it('A5 a tag that looks like a digest without its colon is an ordinary tag', async () => {
    const tag = sha('anything').replace(':', '-');
    expect((await putManifest(registry, 'team/app', tag, image)).status).toBe(201);
    expect((await registry.request('GET', `/v2/team/app/manifests/${tag}`)).bytes.equals(image.bytes)).toBe(true);
    expect((await registry.request('DELETE', `/v2/team/app/manifests/${tag}`)).status).toBe(202);
  });

  it.each([
    'sha256:../../x',
    'sha256:',
    `sha256:${'A'.repeat(64)}`,
    'md5:abc',
    `sha256:${'a'.repeat(64)}@x`,
    'sha256:totallywrong',
    `sha256:${'a'.repeat(63)}%0a`,
  ])('A6 the digest %s is refused wherever a digest stands', async (digest) => {
    for (const noun of ['blobs', 'manifests', 'referrers'])
      expect(refusal(await get(`/v2/team/app/${noun}/${digest}`), [400, 404])).toEqual(REFUSED);
    const put = await send(`POST /v2/team/app/blobs/uploads/?digest=${digest}`, ['Content-Length: 1', '', 'x']);
    expect(refusal(put, [400])).toEqual(REFUSED);
  });
});

describe('queries and headers', () => {
  it('A7 long queries and parameters without end are refused, ten tags are not', async () => {
    const types = Array.from({ length: 500 }, (_, at) => `artifactType=a/${at}`).join('&');
    expect(refusal(await get(`/v2/team/app/referrers/${image.digest}?${types}`), [400, 414])).toEqual(REFUSED);
    for (const length of [20_000, 100_000])
      expect(refusal(await get(`/v2/team/app/tags/list?last=${'x'.repeat(length)}`), [414, 431])).toEqual(REFUSED);
    const tagged = async (count: number) => {
      const tags = Array.from({ length: count }, (_, at) => `tag=t${at}`).join('&');
      return (await putManifest(registry, 'team/app', `${image.digest}?${tags}`, image)).status;
    };
    expect([await tagged(10), await tagged(150), await tagged(1900)]).toEqual([201, 400, 414]);
  });

  it('A7 odd bytes in a query do no harm', async () => {
    for (const query of ['?n=%00', '?last=%00', '?last=%ff', '?n=1&n=2', '?__proto__=1', '?last=', '?%', '?=&&='])
      expect([200, 400]).toContain((await get(`/v2/team/app/tags/list${query}`)).status);
  });

  it('A8 slow patterns are read in no time, by the parsers and over the wire', async () => {
    const evil = `${'a-'.repeat(500_000)}!`;
    const near = `${'a-'.repeat(127)}!`;
    const began = performance.now();
    for (const text of [evil, near, 'a.'.repeat(127), '_'.repeat(255)])
      for (const accepts of [isRepositoryName, isTagName, isDigest]) expect(accepts(text)).toBe(false);
    expect(parseRanges(`bytes=${'1-'.repeat(500_000)}`, 10)).toBe('all');
    expect(parseRanges(`bytes=${',-'.repeat(4000)}`, 10)).toBe('all');
    expect(matchesEntityTag(evil, image.digest)).toBe(false);
    expect(() => parseScopes([evil])).toThrow();
    expect(performance.now() - began).toBeLessThan(100);
    for (const name of ['Accept', 'Range', 'If-None-Match', 'Authorization', 'Content-Range', 'User-Agent', 'Expect'])
      expect((await get('/v2/team/app/manifests/v1', [`${name}: ${'a-'.repeat(3500)}!`])).status).toBeLessThan(500);
  });

  it('A9 line breaks never come out as headers or lines of their own', async () => {
    const evil = '%0d%0aX-Evil:%20yes';
    const text = { annotations: { note: 'a\r\nX-Evil: yes' }, artifactType: 'text/x\r\nX-Evil: yes' };
    const odd = made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], subject: subjectOf(image), ...text });
    expect((await putManifest(registry, 'team/app', 'odd', odd)).status).toBe(201);
    for (const line of [
      `GET /v2/team/app${evil}/manifests/v1`,
      `GET /v2/team/app/manifests/v1${evil}`,
      `GET /v2/team/app/tags/list?n=1&last=${evil}`,
      `GET /v2/_catalog?n=1&last=${evil}`,
      `GET /v2/team/app/referrers/${image.digest}`,
      `GET /v2/team/app/referrers/${image.digest}?artifactType=${evil}`,
      `POST /v2/team/app/blobs/uploads/?mount=${image.digest}&from=x${evil}`,
      `GET /token/?service=${evil}&scope=repository:${evil}:pull`,
    ]) {
      const answer = await send(line, line.startsWith('POST') ? ['Content-Length: 0'] : []);
      expect(answer.status).toBeLessThan(500);
      expect(answer.text).not.toMatch(/^X-Evil/m);
    }
  });

  const smuggled: [string, (line: string) => string][] = [
    ['a length and chunks', (line) => raw(line, 'Content-Length: 4\r\nTransfer-Encoding: chunked')],
    ['two lengths', (line) => raw(line, 'Content-Length: 4\r\nContent-Length: 5')],
    ['an unknown transfer encoding', (line) => raw(line, 'Transfer-Encoding: xchunked')],
    ['chunked twice', (line) => raw(line, 'Transfer-Encoding: chunked, identity')],
    ['a folded header', (line) => raw(line, 'X-Folded: a\r\n  Content-Length: 4')],
    ['a space before the colon', (line) => raw(line, 'Content-Length : 4')],
    ['a negative length', (line) => raw(line, 'Content-Length: -1')],
    ['line feeds alone', (line) => raw(line, 'X: y').replaceAll('\r\n', '\n')],
    ['a NUL in a header', (line) => raw(line, 'X-Nul: a\0b')],
    ['a second host', (line) => raw(line, 'HOST: evil.example')],
    ['the same host twice', (line) => raw(line, `Host: ${registry.host}`)],
    ['a host with a path', (line) => raw(line, 'X: y').replace(registry.host, `${registry.host}/v2`)],
    ['a host with an account', (line) => raw(line, 'X: y').replace(registry.host, `admin@${registry.host}`)],
    ['another version of HTTP', (line) => raw(line.replace('/1.1', '/2.0'), 'X: y')],
    ['no host', (line) => raw(line, 'X: y').replace(`Host: ${registry.host}\r\n`, '')],
    ['chunks in HTTP/1.0', (line) => raw(line.replace('/1.1', '/1.0'), 'Transfer-Encoding: chunked')],
  ];
  it.each(smuggled)('A10 %s is refused and the connection closed', async (_what, make) => {
    const answer = await sendRaw(registry, `${make('PUT /v2/team/app/manifests/x HTTP/1.1')}GET /v2/ HTTP/1.1\r\n`);
    expect(refusal(answer, [400])).toEqual(REFUSED);
    expect(answer.text.match(/HTTP\/1\.1 /g)!.length).toBe(1);
  });

  it.each(['gzip, chunked', 'chunked, chunked', 'identity, chunked', 'gzip,chunked'])(
    'A10 a body in the transfer coding %s is not stored as it comes',
    async (coding) => {
      const digest = sha('stored');
      const line = `POST /v2/team/app/blobs/uploads/?digest=${digest} HTTP/1.1`;
      const answer = await sendRaw(registry, `${raw(line, `Transfer-Encoding: ${coding}`)}6\r\nstored\r\n0\r\n\r\n`);
      expect(refusal(answer, [400])).toEqual(REFUSED);
      expect(answer.headers.get('Connection')).toBe('close');
      expect((await get(`/v2/team/app/blobs/${digest}`)).status).toBe(404);
    },
  );

  it('A11 locations are built from the configured origin whatever the request claims', async () => {
    const lies = ['X-Forwarded-Host: evil.example', 'X-Forwarded-Proto: https', 'Forwarded: host=evil.example'];
    const line = 'POST /v2/team/app/blobs/uploads/ HTTP/1.1';
    const own = head(registry, line, ['Content-Length: 0', 'Connection: close', ...lies]);
    const answer = await sendRaw(registry, own.replace(`Host: ${registry.host}`, 'Host: evil.example'));
    expect(answer.status).toBe(202);
    expect(answer.headers.get('Location')!.startsWith(`${registry.url}/v2/`)).toBe(true);
    expect((await get('http://evil.example/v2/team/app/manifests/v1')).status).toBe(200);
    expect((await get(`/v2/team/app/manifests/${image.digest.replace(':', '%3A')}`)).status).toBe(200);
    const realm = await sendRaw(registry, head(registry, 'GET /v2/ HTTP/1.1', lies, null));
    expect(realm.headers.get('WWW-Authenticate')).toContain(`realm="${registry.url}/token/"`);
  });

  it('a server on loopback tells each client the loopback address that it was called by, for tokens and uploads', async () => {
    const called = (line: string, headers: string[], as: string | null, host: string) =>
      sendRaw(registry, head(registry, line, headers, as).replace(`Host: ${registry.host}`, `Host: ${host}`));
    for (const host of [`localhost:${registry.port}`, '[::1]:8080']) {
      const { headers } = await called('GET /v2/ HTTP/1.1', [], null, host);
      expect(headers.get('WWW-Authenticate')).toBe(`Bearer realm="http://${host}/token/",service="${registry.host}"`);
      const upload = await called('POST /v2/team/app/blobs/uploads/ HTTP/1.1', ['Content-Length: 0'], 'admin', host);
      expect(upload.headers.get('Location')!.startsWith(`http://${host}/v2/team/app/blobs/uploads/`)).toBe(true);
    }
  });

  it('A12 other methods are refused, and headers that override the method are ignored', async () => {
    for (const line of [
      'POST /v2/team/app/manifests/v1',
      'PUT /v2/team/app/tags/list',
      'PATCH /v2/',
      'DELETE /v2/_catalog',
      'OPTIONS /v2/team/app/manifests/v1',
      'TRACE /v2/team/app/manifests/v1',
      'PROPFIND /v2/team/app/manifests/v1',
      'DELETE /extensions/v2/team/app/signatures/x',
    ])
      expect(refusal(await send(line, ['Content-Length: 0']), [404, 405])).toEqual(REFUSED);
    for (const line of ['CONNECT evil.example:443', 'CONNECT /v2/', 'FOO /v2/', 'get /v2/']) {
      const answer = await send(line);
      expect(refusal(answer, [405])).toEqual(REFUSED);
      expect([answer.headers.get('Allow'), answer.headers.get('Connection')]).toEqual([
        'GET, HEAD, POST, PUT, PATCH, DELETE',
        'close',
      ]);
    }
    expect((await get('/v2/team/app/manifests/v1', ['Expect: 200-ok'])).status).toBe(200);
    for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])
      expect((await get('/v2/team/app/manifests/v1', [`${name}: DELETE`])).status).toBe(200);
    expect((await get('/v2/team/app/manifests/v1')).status).toBe(200);
  });
});

const subjectOf = ({ mediaType, digest, size }: Made) => ({ mediaType, digest, size });

/** A request head that no library would send. */
function raw(line: string, header: string): string {
  return `${line}\r\nHost: ${registry.host}\r\nAuthorization: ${basic('admin')}\r\n${header}\r\n\r\n`;
}
