import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RestErrors } from '../../apps/api/rest/rest-errors.filter.js';
import { PASSWORD, ROOT, startApi, type ApiProcess } from './api-process.js';

const GROUPS = `${ROOT}/groups/`;
const FORM = 'multipart/form-data; boundary=x';
const DISPOSITION = 'Content-Disposition: form-data; name="file"; filename="f"';
/** A byte comes well before the limit of a second is over. */
const DRIP_MS = 300;

describe('a body that comes slowly', () => {
  let api: ApiProcess;
  const refused = vi.spyOn(RestErrors.prototype, 'catch');
  beforeAll(async () => {
    api = await startApi({ HALLMARK_IDLE_TIMEOUT: '1' });
  });
  afterAll(async () => {
    await api.close();
    vi.restoreAllMocks();
  });

  /** Sends the head of a request for a body of a thousand bytes. */
  async function begin(path: string, type: string, begun: string, more: readonly string[] = []): Promise<Socket> {
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    await new Promise((done) => socket.once('connect', done));
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${hostname}`,
      `Authorization: Basic ${btoa(`admin:${PASSWORD}`)}`,
      `Content-Type: ${type}`,
      'Content-Length: 1000',
      ...more,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${begun}`);
    return socket;
  }

  /** What the server says until it closes the connection, while bytes drip for `milliseconds`. */
  async function answerTo(socket: Socket, milliseconds: number): Promise<string> {
    const drops = setInterval(() => socket.write(' '), DRIP_MS);
    const enough = setTimeout(() => clearInterval(drops), milliseconds);
    let said = '';
    socket.on('data', (bytes: Buffer) => (said += bytes.toString()));
    socket.on('error', () => {});
    await new Promise((done) => socket.once('close', done));
    clearInterval(drops);
    clearTimeout(enough);
    return said;
  }

  it.each([
    ['JSON', 'application/json', '{'],
    ['a form', 'application/x-www-form-urlencoded', 'name='],
    ['a form in parts', FORM, '--x\r\n'],
  ])('is refused when it stops: %s', async (_what, type, begun) => {
    const said = await answerTo(await begin(GROUPS, type, begun), 0);
    expect(said).toMatch(/^HTTP\/1\.1 408 .*\{"detail":"The body came too slowly\."\}$/s);
  });

  it.each([
    ['JSON', 'application/json', '{'],
    ['a form in parts', FORM, '--x\r\n'],
  ])('is refused when it drips: %s', async (_what, type, begun) => {
    expect(await answerTo(await begin(GROUPS, type, begun), 60_000)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('is awaited as long as it comes when it is a file, and no longer', async () => {
    const socket = await begin(`${ROOT}/artifacts/`, FORM, `--x\r\n${DISPOSITION}\r\n\r\n`);
    const began = Date.now();
    // Twice as long as JSON may take.
    expect(await answerTo(socket, 4_000)).toMatch(/^HTTP\/1\.1 408 /);
    expect(Date.now() - began).toBeGreaterThan(4_000);
  });

  it.each([
    ['stops', 0],
    ['drips, and then stops', 3_000],
  ])('is refused when it is an archive to import and %s, and nothing of it stays', async (_how, milliseconds) => {
    const made = await api.request('POST', `${ROOT}/repositories/container/container/`, { name: `r${milliseconds}` });
    const socket = await begin(`${made.body['pulp_href']}import/`, 'application/x-tar', 'some bytes');
    const began = Date.now();
    const said = await answerTo(socket, milliseconds);
    expect(said).toMatch(/^HTTP\/1\.1 408 .*\{"detail":"The body came too slowly\."\}$/s);
    expect(Date.now() - began).toBeGreaterThan(milliseconds);
    expect(await readdir(join(api.dataDir, 'imports'))).toEqual([]);
  });

  it('and is refused before its end leaves a connection that can be used again', async () => {
    const socket = await begin(GROUPS, FORM, '--x\r\nno headers\r\n\r\n');
    const answered = () => new Promise<string>((done) => socket.once('data', (bytes: Buffer) => done(String(bytes))));
    expect(await answered()).toMatch(/^HTTP\/1\.1 400 /);
    socket.write(' '.repeat(1000 - '--x\r\nno headers\r\n\r\n'.length));
    socket.write(`GET ${ROOT}/livez/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(await answered()).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  it('and breaks off is no failure in the log', async () => {
    const written = vi.spyOn(process.stderr, 'write');
    refused.mockClear();
    for (const [path, type, begun] of [
      [GROUPS, 'application/json', '{'],
      [`${ROOT}/artifacts/`, FORM, `--x\r\n${DISPOSITION}\r\n\r\nbytes`],
    ] as const) {
      const socket = await begin(path, type, begun, ['Expect: 100-continue']);
      await new Promise((done) => socket.once('data', done));
      socket.destroy();
    }
    await expect.poll(() => refused.mock.calls.length).toBe(2);
    expect(written.mock.calls.map(([line]) => String(line))).toEqual([]);
  });
});
