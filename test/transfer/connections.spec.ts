import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, request as httpRequest, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RemoteEntity } from '#transfer/remotes/remote.entity.js';
import { FakeUpstream } from './fake-upstream.js';
import { makeImage } from './push-http.js';
import { type SyncBench, startBench } from './syncing.js';

let bench: SyncBench;
let upstream: FakeUpstream;
let folder: string;
let certificate: string;
let key: string;
let clientNames: (string | undefined)[];
let secure: { url: string; stop(): void };
beforeAll(async () => {
  bench = await startBench();
  upstream = await FakeUpstream.start();
  upstream.add(makeImage(), 'one');
  folder = mkdtempSync(join(tmpdir(), 'hallmark-tls-'));
  [key, certificate] = makeCertificate('server', 'IP:127.0.0.1');
  clientNames = [];
  secure = await startTls();
});
afterAll(async () => {
  secure.stop();
  rmSync(folder, { recursive: true });
  await upstream.stop();
  await bench.stop();
});

/** A self-signed certificate by openssl. */
function makeCertificate(name: string, alternative: string): [key: string, certificate: string] {
  const files = [join(folder, `${name}.key`), join(folder, `${name}.pem`)] as const;
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${alternative}`];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      files[0],
      '-out',
      files[1],
      ...subject,
    ],
    { stdio: 'ignore' },
  );
  return [readFileSync(files[0], 'utf8'), readFileSync(files[1], 'utf8')];
}

/** The fake upstream behind TLS; it asks for client certificates and takes any. */
async function startTls() {
  const server = createHttpsServer(
    { key, cert: certificate, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const name = (request.socket as TLSSocket).getPeerCertificate().subject?.CN;
      clientNames.push(Array.isArray(name) ? name[0] : name);
      const { method, headers, url } = request;
      httpRequest(`${upstream.url}${url}`, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      }).end();
    },
  );
  return listen(server, 'https');
}

async function listen(server: Server, scheme: string) {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const syncWith = async (fields: Partial<RemoteEntity> & { url: string }) =>
  bench.sync(await bench.makeRepository(), await bench.makeRemote({ maxRetries: 0, ...fields }));

describe('TLS', () => {
  test('E13 with a certificate that nobody knows is refused', async () => {
    await expect(syncWith({ url: secure.url })).rejects.toThrow(/self.signed certificate/i);
  });

  test('is trusted with the CA of the remote, or when the remote says that nothing is checked', async () => {
    expect((await syncWith({ url: secure.url, caCert: certificate })).changed).toBe(true);
    expect((await syncWith({ url: secure.url, tlsValidation: false })).changed).toBe(true);
  });

  test('shows the client certificate of the remote', async () => {
    const [clientKey, clientCert] = makeCertificate('robot', 'DNS:robot');
    clientNames.length = 0;
    await syncWith({ url: secure.url, caCert: certificate, clientCert, clientKey });
    expect(new Set(clientNames)).toEqual(new Set(['robot']));
  });

  test('E13 is never left by a redirect', async () => {
    upstream.on(/tags\/list/, (_request, response) => {
      response.writeHead(307, { location: `${upstream.url}/v2/team/app/tags/list` });
      response.end();
    });
    await expect(syncWith({ url: secure.url, caCert: certificate })).rejects.toThrow(/without TLS/);
    upstream.calm();
  });
});

describe('a proxy', () => {
  test('carries plain and encrypted requests with its own credentials', async () => {
    const seen: string[] = [];
    const wanted = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    const server = createHttpServer((request, response) => {
      seen.push(`${request.headers['proxy-authorization'] === wanted} plain`);
      const { 'proxy-authorization': _hop, ...headers } = request.headers;
      httpRequest(request.url!, { method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      }).end();
    });
    server.on('connect', (request, socket) => {
      seen.push(`${request.headers['proxy-authorization'] === wanted} tunnel`);
      const [host, port] = request.url!.split(':');
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    const proxy = await listen(server, 'http');
    const through = { proxyUrl: proxy.url, proxyUsername: 'me', proxyPassword: 'secret' };
    expect((await syncWith({ url: upstream.url, ...through })).changed).toBe(true);
    expect((await syncWith({ url: secure.url, caCert: certificate, ...through })).changed).toBe(true);
    expect(new Set(seen)).toEqual(new Set(['true plain', 'true tunnel']));
    proxy.stop();
  });

  test('E8 that takes connections and says nothing is given up in the time that the remote allows', async () => {
    const silent = createHttpServer(() => undefined).on('connect', () => undefined);
    const proxy = await listen(silent, 'http');
    const patience = { proxyUrl: proxy.url, connectTimeout: 0.3, sockReadTimeout: 0.3 };
    for (const url of [upstream.url, secure.url])
      await expect(syncWith({ url, ...patience })).rejects.toThrow(/cannot be reached: .*Headers Timeout/);
    proxy.stop();
  });

  test('E12 that is away is named without its credentials', async () => {
    const away = { proxyUrl: 'http://127.0.0.1:9', proxyUsername: 'me', proxyPassword: 'secret' };
    const failure = (await syncWith({ url: upstream.url, ...away }).catch((error: unknown) => error)) as Error;
    expect(failure.message).toContain('cannot be reached');
    expect(failure.message).not.toContain('secret');
  });
});
