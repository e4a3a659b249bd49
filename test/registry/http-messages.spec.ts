import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { poolOf } from '#platform/database.js';
import { makeImage, OCI_MANIFEST, pushImage } from './content.js';
import { head, sendRaw } from './raw-http.js';
import { RawLine } from './raw-line.js';
import { REFUSED, refusal } from './refusals.js';
import { basic, type RegistryProcess, sha, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
let layer: string;
const NAME = 'team/app';
beforeAll(async () => {
  registry = await startRegistry();
  const image = await pushImage(registry, NAME, 'v1');
  layer = (JSON.parse(image.bytes.toString()) as { layers: { digest: string }[] }).layers[0]!.digest;
});
afterAll(() => registry?.close());

const send = (line: string, headers: readonly string[] = [], as: string | null = 'admin') =>
  sendRaw(registry, head(registry, `${line} HTTP/1.1`, ['Connection: close', ...headers], as));

describe('methods', () => {
  const manifest = `/v2/${NAME}/manifests/none`;
  const endpoints: [path: string, methods: string][] = [
    ['/v2/', 'GET, HEAD'],
    ['/v2/_catalog', 'GET, HEAD'],
    ['/token/', 'GET, HEAD'],
    [`/v2/${NAME}/tags/list`, 'GET, HEAD'],
    [manifest, 'GET, HEAD, PUT, DELETE'],
    [`/v2/${NAME}/blobs/${sha('none')}`, 'GET, HEAD, DELETE'],
    [`/v2/${NAME}/blobs/uploads/`, 'POST'],
    [`/v2/${NAME}/blobs/uploads/none`, 'GET, HEAD, PATCH, PUT, DELETE'],
    [`/v2/${NAME}/referrers/${sha('none')}`, 'GET, HEAD'],
    [`/v2/${NAME}/_oras/artifacts/referrers`, 'GET, HEAD'],
    [`/v2/_ext/oci-artifacts/v1/${NAME}/manifests/none/links`, 'GET, HEAD'],
    [`/v2/_ext/oci-artifacts/v1/${NAME}/manifests/none/references`, 'GET, HEAD'],
    [`/v2/_ext/oci-artifacts/v1-rc1/${NAME}/manifests/none/referrers`, 'GET, HEAD'],
    [`/extensions/v2/${NAME}/signatures/${sha('none')}`, 'GET, HEAD, PUT'],
    [`/lookaside/${NAME}@${sha('none').replace(':', '=')}/signature-1`, 'GET, HEAD'],
    [`/pulp/container/${NAME}/blobs/${sha('none')}`, 'GET, HEAD'],
  ];
  it.each(endpoints)('%s takes %s, and the answer to any other names them', async (path, allowed) => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const answer = await registry.request(method, path, method === 'PUT' ? { body: 'x' } : {});
      if (allowed.split(', ').includes(method)) {
        expect([method, answer.status]).not.toEqual([method, 405]);
        continue;
      }
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, allowed]);
      if (method !== 'HEAD') expect(answer.code).toBe('UNSUPPORTED');
    }
  });
});

describe('the form of requests', () => {
  it('is the same registry for a target in absolute form', async () => {
    const origin = 'http://proxy.example';
    const image = await makeImage(registry, NAME);
    const answers = [
      await registry.request('GET', `/v2/${NAME}/manifests/none`),
      await registry.request('GET', '/v2/nowhere'),
      await registry.request('PATCH', '/v2/'),
    ];
    const lines = [`GET ${origin}/v2/${NAME}/manifests/none`, `GET ${origin}/v2/nowhere`, `PATCH ${origin}/v2/`];
    for (const [at, line] of lines.entries()) {
      const answer = await send(line);
      expect(refusal(answer, [answers[at]!.status])).toEqual(REFUSED);
      expect(answer.body).toBe(answers[at]!.bytes.toString());
    }
    const { length } = image.bytes;
    const type = `Content-Type: ${OCI_MANIFEST}`;
    const put = `PUT ${origin}/v2/${NAME}/manifests/absolute HTTP/1.1`;
    const put_ = head(registry, put, ['Connection: close', type, `Content-Length: ${length}`]) + image.bytes.toString();
    expect((await sendRaw(registry, put_)).status).toBe(201);
    expect((await registry.request('GET', `/v2/${NAME}/manifests/absolute`)).bytes.equals(image.bytes)).toBe(true);
    const waits = await send(
      `PUT ${origin}/v2/${NAME}/manifests/x`,
      ['Expect: 100-continue', 'Content-Length: 9'],
      null,
    );
    expect(waits.status).toBe(401);
    const query = await send(`GET ${origin}?x=/v2/`);
    expect(query.headers.get('Docker-Distribution-API-Version')).toBe(undefined);
  });

  it('takes the credentials of one caller', async () => {
    const twice = await send('GET /v2/', [`Authorization: ${basic('bob')}`]);
    expect(refusal(twice, [400])).toEqual(REFUSED);
    expect(twice.headers.get('Connection')).toBe('close');
    for (const scheme of ['Bearer', 'bearer', 'Basic']) {
      const answer = await send(`GET /v2/${NAME}/manifests/v1`, [`Authorization: ${scheme}`], null);
      expect(refusal(answer, [401])).toEqual(REFUSED);
      expect(answer.headers.get('WWW-Authenticate')).toContain(`scope="repository:${NAME}:pull"`);
    }
  });

  it('answers a client that has closed its half of the connection', async () => {
    const body = 'bytes from one who says no more';
    const requests = [
      `GET /v2/${NAME}/blobs/${layer}`,
      `GET /v2/${NAME}/tags/list?n=7`,
      `GET /v2/${NAME}/manifests/v1`,
      'GET /v2/_catalog',
    ];
    for (const line of requests)
      expect((await halfClosed(head(registry, `${line} HTTP/1.1`))).startsWith('HTTP/1.1 200 OK')).toBe(true);
    const post = `POST /v2/${NAME}/blobs/uploads/?digest=${sha(body)} HTTP/1.1`;
    const stored = await halfClosed(head(registry, post, [`Content-Length: ${body.length}`]) + body);
    expect(stored.startsWith('HTTP/1.1 201 Created')).toBe(true);
    const [first, second] = requests.map((line) => head(registry, `${line} HTTP/1.1`));
    expect((await halfClosed(first! + second!)).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    const broken = await halfClosed(head(registry, post, ['Content-Length: 100']) + body);
    expect(broken.startsWith('HTTP/1.1 400')).toBe(true);
  });
});

describe('requests that come at once on one connection', () => {
  const request = (line: string, ...headers: string[]) => head(registry, `${line} HTTP/1.1`, headers);
  const statuses = (text: string) => text.match(/HTTP\/1\.1 \d+/g)?.map((each) => Number(each.slice(-3)));

  it('are handled one after the other: each sees what those before it did, none follows one that closes', async () => {
    const { bytes } = await makeImage(registry, NAME);
    const tag = `/v2/${NAME}/manifests/at-once`;
    const put = request(`PUT ${tag}`, `Content-Type: ${OCI_MANIFEST}`, `Content-Length: ${bytes.length}`) + bytes;
    const [get, remove] = [request(`GET ${tag}`), request(`DELETE ${tag}`)];
    const { text } = await sendRaw(registry, get + put + get + remove + get + put + get);
    expect(statuses(text)).toEqual([404, 201, 200, 202, 404, 201, 200]);
    const closing = await sendRaw(registry, request(`GET ${tag}`, 'Connection: close') + remove);
    expect(statuses(closing.text)).toEqual([200]);
    expect((await registry.request('GET', tag)).status).toBe(200);
  });

  it('hold up nobody else, however many they are', async () => {
    const ask = request(`GET /v2/${NAME}/manifests/none`).repeat(100);
    const socket = createConnection(registry.port, '127.0.0.1');
    const query = vi.spyOn(poolOf(registry.source), 'query');
    try {
      let answers = 0;
      let tail = '';
      for (let times = 0; times < 20; times += 1) socket.write(ask);
      // Those who come later are answered in the middle of it.
      for (let times = 0; times < 5; times += 1)
        expect((await registry.request('GET', `/v2/${NAME}/manifests/v1`)).status).toBe(200);
      expect(query.mock.calls.length).toBeLessThan(2000);
      socket.on('data', (data) => {
        const parts = (tail + data.toString('latin1')).split('HTTP/1.1 404');
        answers += parts.length - 1;
        tail = parts.at(-1)!.slice(-12);
      });
      await expect.poll(() => answers, { timeout: 60_000 }).toBe(2000);
    } finally {
      query.mockRestore();
      socket.destroy();
    }
  }, 90_000);
});

describe('a client that asks on without reading', () => {
  it.each([
    ['that are answered from memory', `/v2/${NAME}/manifests/v1`],
    ['that are not', `/v2/${NAME}/manifests/none`],
  ])(
    'is left alone with its requests %s until it reads, and then has every answer',
    async (_what, path) => {
      const ask = head(registry, `GET ${path} HTTP/1.1`, [`X-Note: ${'x'.repeat(2000)}`]);
      const socket = createConnection(registry.port, '127.0.0.1');
      try {
        let answers = 0;
        let tail = '';
        socket.pause();
        const count = 12_000;
        socket.on('error', () => undefined);
        for (let at = 0; at < count; at += 100) socket.write(ask.repeat(100));
        // What the kernel keeps on the way is less than that.
        let before = -1;
        const isStalled = () => {
          const last = before;
          before = socket.bytesWritten - socket.writableLength;
          return last === before;
        };
        await expect.poll(isStalled, { interval: 1000, timeout: 60_000 }).toBe(true);
        expect(before).toBeLessThan(count * ask.length);
        expect((await registry.request('GET', `/v2/${NAME}/manifests/v1`)).status).toBe(200);
        socket.on('data', (data) => {
          const parts = (tail + data.toString('latin1')).split('HTTP/1.1 ');
          answers += parts.length - 1;
          tail = parts.at(-1)!.slice(-8);
        });
        socket.resume();
        await expect.poll(() => answers, { timeout: 100_000 }).toBe(count);
      } finally {
        socket.destroy();
      }
    },
    180_000,
  );
});

describe('bytes that are no HTTP', () => {
  it('are refused after the requests before them have their answers', async () => {
    const request = (line: string) => head(registry, `${line} HTTP/1.1`);
    const reads = [`GET /v2/${NAME}/blobs/${layer}`, 'GET /v2/_catalog', `GET /v2/${NAME}/manifests/none`];
    const { text } = await sendRaw(registry, reads.map(request).join('') + 'RUBBISH\r\n\r\n'.repeat(3));
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual([200, 200, 404, 400].map((status) => `HTTP/1.1 ${status}`));
    const line = `POST /v2/${NAME}/blobs/uploads/?digest=${layer} HTTP/1.1`;
    const post = head(registry, line, ['Transfer-Encoding: chunked']);
    const broken = await sendRaw(registry, `${post}5\r\nbytesRUBBISH`);
    expect(broken.text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);
  });

  it('end the connection without another answer when their request has its own already', async () => {
    const line = await RawLine.to(registry.port);
    line.write(head(registry, `POST /v2/${NAME}/blobs/uploads/ HTTP/1.1`, ['Transfer-Encoding: chunked']));
    expect(await line.answer()).toMatch(/^HTTP\/1\.1 202 /);
    line.write('5\r\nbytesRUBBISH');
    await expect.poll(() => line.closed).toBe(true);
    expect(line.rest).toBe('');
  });
});

/** What comes before the server closes too. */
function halfClosed(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port: registry.port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    socket.on('data', (data) => (text += data.toString('latin1')));
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
    socket.end(bytes);
  });
}
