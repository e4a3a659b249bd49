import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ByteRange } from '#storage/blob-store.js';
import { sendFile } from './send-file.js';

const KIB = 1024;
const CHUNK = 512 * KIB;
const bytes = randomBytes(3 * CHUNK + 1000);
const whole: ByteRange = { start: 0, end: bytes.length - 1 };

let folder: string;
let path: string;
let server: Server;
/** What is done with the next requests. */
let answer: (response: ServerResponse, url: string) => unknown;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hallmark-send-'));
  server = createServer((request, response) => answer(response, request.url!));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  path = join(folder, 'blob');
  await writeFile(path, bytes);
});
afterEach(() => server.closeAllConnections());

/** The file, and how often it was released. */
function opened() {
  const file = {
    descriptor: openSync(path, 'r'),
    released: 0,
    release() {
      file.released += 1;
      closeSync(file.descriptor);
    },
  };
  return file;
}

function send(response: ServerResponse, range: ByteRange, file = opened()): Promise<void> {
  response.writeHead(200, { 'content-length': range.end - range.start + 1 });
  return sendFile(file, range, response);
}

async function ask(url = '/'): Promise<IncomingMessage> {
  const request = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', path: url, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

describe('sending a file', () => {
  it.each([
    [0, 0],
    [0, CHUNK - 1],
    [1, CHUNK],
    [CHUNK - 1, 2 * CHUNK],
    [7, bytes.length - 1],
    [bytes.length - 1, bytes.length - 1],
  ])('sends exactly the bytes from %i to %i, and closes the file once', async (start, end) => {
    const file = opened();
    let sending: Promise<void> | undefined;
    answer = (response) => (sending = send(response, { start, end }, file));
    expect((await buffer(await ask())).equals(bytes.subarray(start, end + 1))).toBe(true);
    await sending;
    expect(file.released).toBe(1);
  });

  it('keeps apart what many ask for at once, and again when their buffers are used again', async () => {
    answer = (response, url) => void send(response, { start: Number(url.slice(1)), end: bytes.length - 1 });
    for (let round = 0; round < 2; round += 1)
      await Promise.all(
        Array.from({ length: 40 }, async (_each, at) => {
          const got = await buffer(await ask(`/${at * 1000}`));
          expect(got.equals(bytes.subarray(at * 1000))).toBe(true);
        }),
      );
  });

  it('breaks the answer off when the file has become shorter, and closes the file', async () => {
    const file = opened();
    await truncate(path, CHUNK + 500);
    let sending: Promise<void> | undefined;
    answer = (response) => (sending = send(response, whole, file));
    await expect(buffer(await ask())).rejects.toThrow('aborted');
    await sending;
    expect(file.released).toBe(1);
  });

  it('closes the file when the client goes away in the middle', async () => {
    await writeFile(path, Buffer.alloc(64 * CHUNK));
    const file = opened();
    const sending = new Promise<void>((done) => {
      answer = (response) => void send(response, { start: 0, end: 64 * CHUNK - 1 }, file).then(done);
    });
    const response = await ask();
    await once(response, 'readable');
    response.destroy();
    await sending;
    expect(file.released).toBe(1);
  });

  it('holds little for many who stop reading', async () => {
    await writeFile(path, Buffer.alloc(64 * CHUNK));
    answer = (response) => void send(response, { start: 0, end: 64 * CHUNK - 1 });
    const before = process.memoryUsage().arrayBuffers;
    const readers = await Promise.all(Array.from({ length: 400 }, () => ask()));
    await new Promise((done) => setTimeout(done, 500));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(125 * KIB * KIB);
    for (const reader of readers) reader.destroy();
  });

  it('reads nothing for a client that went away before', async () => {
    const file = opened();
    const sending = new Promise<void>((done) => {
      answer = (response) => response.once('close', () => void send(response, whole, file).then(done));
    });
    const request = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false });
    request.on('error', () => undefined);
    await once(server, 'request');
    request.destroy();
    await sending;
    expect(file.released).toBe(1);
  });

  it('waits for a client that does not read, with no more than one chunk in hand', async () => {
    const size = 128 * CHUNK;
    await writeFile(path, '');
    await truncate(path, size);
    let waiting: ServerResponse | undefined;
    let isSent = false;
    answer = (response) => {
      waiting = response;
      void send(response, { start: 0, end: size - 1 }).then(() => (isSent = true));
    };
    const response = await ask();
    // Stalled: something waits, and twice the same.
    let before = 0;
    const isStalled = () => {
      const last = before;
      before = waiting!.writableLength;
      return last > 0 && before === last;
    };
    await expect.poll(isStalled).toBe(true);
    expect(before).toBeLessThanOrEqual(CHUNK + KIB);
    expect(isSent).toBe(false);
    let got = 0;
    for await (const chunk of response) got += (chunk as Buffer).length;
    expect(got).toBe(size);
  });
});
