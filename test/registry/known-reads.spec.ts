import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { announce } from '#platform/change-feed.js';
import { CONFIG_BLOB, image, LAYERS, push, pushBlobs } from './fast-path-images.js';
import { as, startWorld, type Twin, type World } from './fast-path-world.js';
import { RawLine } from './raw-line.js';
import { sha } from './registry-process.js';

const NAME = 'team/app';
const TAG = `/v2/${NAME}/manifests/latest`;
const [ONE, TWO] = [image(1), image(2)];
const SBOM = image(3, ONE);

let world: World;
let twin: Twin;
const lines: RawLine[] = [];
beforeAll(async () => {
  world = await startWorld({});
  twin = world.twins[0]!;
  await pushBlobs(twin, NAME);
  await push(twin, NAME, 'latest', ONE);
  await push(twin, NAME, 'two', TWO);
  await push(twin, NAME, SBOM.digest, SBOM);
});
afterAll(() => world?.close());
afterEach(() => {
  for (const line of lines.splice(0)) line.close();
});

async function open(): Promise<RawLine> {
  const line = await RawLine.to(twin.port);
  lines.push(line);
  return line;
}

const request = (line: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, 'Host: registry.test', ...headers, '', ''].join('\r\n');
const GET_TAG = request(`GET ${TAG}`);
const GET_TWO = request(`GET /v2/${NAME}/manifests/two`);

/** Asks until an answer comes without having been parsed; gives the last one. */
async function repeat(line: RawLine, text: string): Promise<string> {
  for (let times = 0; times < 20; times += 1) {
    const { repeats } = twin.fastPath.counts;
    const answer = await line.ask(text);
    if (twin.fastPath.counts.repeats > repeats) return answer;
  }
  throw new Error('it was parsed each time');
}

const timeless = (answer: string) => answer.replace(/\r\nDate: [^\r]+/, '\r\nDate: now');
const digestIn = (answer: string) => /Docker-Content-Digest: (\S+)/.exec(answer)?.[1];

describe('a read that is repeated byte by byte', () => {
  it.each([
    ['a manifest', GET_TAG],
    ['a manifest with Basic', request(`GET ${TAG}`, `Authorization: ${as('alice').authorization}`)],
    ['a HEAD', request(`HEAD ${TAG}`)],
    ['a manifest that the client has', request(`GET ${TAG}`, `If-None-Match: "${ONE.digest}"`)],
    ['referrers', request(`GET /v2/${NAME}/referrers/${ONE.digest}`)],
    ['filtered referrers', request(`GET /v2/${NAME}/referrers/${ONE.digest}?artifactType=application/vnd.test.sbom`)],
    ['tags', request(`GET /v2/${NAME}/tags/list?n=1`)],
    ['a tiny blob', request(`GET /v2/${NAME}/blobs/${CONFIG_BLOB.digest}`)],
    ['a part of a blob', request(`GET /v2/${NAME}/blobs/${CONFIG_BLOB.digest}`, 'Range: bytes=3-9')],
    ['a request that says keep-alive', request(`GET ${TAG}`, 'Connection: Keep-Alive')],
  ])('is answered with the same bytes as the first time: %s', async (_what, text) => {
    const line = await open();
    const first = await line.ask(text);
    for (let times = 0; times < 3; times += 1) expect(timeless(await repeat(line, text))).toBe(timeless(first));
    expect(first).toMatch(/^HTTP\/1\.1 (?:200 OK|206 Partial Content|304 Not Modified)\r\n/);
    expect(line.rest).toBe('');
  });

  it('is known on other connections too, after they have read once', async () => {
    await repeat(await open(), GET_TAG);
    const line = await open();
    // Eight before it is watched, and one until the parser is known to stand between two requests.
    for (let times = 0; times < 9; times += 1) await line.ask(GET_TAG);
    const { repeats } = twin.fastPath.counts;
    expect(digestIn(await line.ask(GET_TAG))).toBe(ONE.digest);
    expect(twin.fastPath.counts.repeats).toBe(repeats + 1);
  });

  it('is decided anew each time: a tag that moved, and a repository that became private', async () => {
    const line = await open();
    const text = request(`GET /v2/${NAME}/manifests/moves`);
    for (const each of [ONE, TWO, ONE]) {
      await push(twin, NAME, 'moves', each);
      expect(digestIn(await line.ask(text))).toBe(each.digest);
      expect(digestIn(await repeat(line, text))).toBe(each.digest);
    }
    await setPrivate(true);
    expect(await line.ask(text)).toMatch(/^HTTP\/1\.1 401 /);
    await setPrivate(false);
    expect(digestIn(await repeat(line, text))).toBe(ONE.digest);
  });

  it.each([
    ['asks to close', request(`GET ${TAG}`, 'Connection: close')],
    ['is HTTP/1.0', `GET ${TAG} HTTP/1.0\r\nHost: registry.test\r\n\r\n`],
  ])('is parsed, and the connection closed, when it %s', async (_what, text) => {
    for (let times = 0; times < 5; times += 1) {
      const line = await open();
      await line.ask(GET_TAG);
      await repeat(line, GET_TAG);
      const { repeats } = twin.fastPath.counts;
      expect(digestIn(await line.ask(text))).toBe(ONE.digest);
      await expect.poll(() => line.closed).toBe(true);
      expect(twin.fastPath.counts.repeats).toBe(repeats);
    }
  });
});

async function setPrivate(on: boolean): Promise<void> {
  await world.source.transaction(async (tx) => {
    await tx.query('update distribution set private = $2 where base_path = $1', [NAME, on]);
    await announce(tx, 'distributions', NAME);
  });
  await world.settle();
}

/** Answers that begin in a piece of text; those whose first line was cut are not seen. */
const countOf = (text: string) => text.split('HTTP/1.1 200 OK').length - 1;

describe('bytes that are not one known request', () => {
  const texts = [GET_TAG, GET_TWO, request(`HEAD ${TAG}`), request(`GET /v2/${NAME}/blobs/${LAYERS[1].digest}`)];
  const expected = [ONE.digest, TWO.digest, ONE.digest, LAYERS[1].digest];

  it('are answered in order when many come at once', async () => {
    const line = await open();
    await repeat(line, GET_TAG);
    const order = Array.from({ length: 60 }, (_each, at) => (at * 7) % texts.length);
    line.write(order.map((each) => texts[each]!).join(''));
    for (const each of order) expect(digestIn(await line.answer(each === 2))).toBe(expected[each]);
    // One after the other in pieces of their own, without waiting.
    for (const each of order) {
      line.write(texts[each]!);
      await sleep(each % 3);
    }
    for (const each of order) expect(digestIn(await line.answer(each === 2))).toBe(expected[each]);
    expect(line.rest).toBe('');
  });

  it('are read as they would be anywhere, wherever they are cut', async () => {
    const line = await open();
    await repeat(line, GET_TAG);
    const both = GET_TWO + GET_TAG;
    for (let at = 1; at < both.length; at += 1) {
      line.write(both.slice(0, at));
      await sleep(1);
      line.write(both.slice(at));
      expect([digestIn(await line.answer()), digestIn(await line.answer())]).toEqual([TWO.digest, ONE.digest]);
      if (at % 10 === 0) expect(digestIn(await repeat(line, GET_TAG))).toBe(ONE.digest);
    }
    expect(line.rest).toBe('');
  });

  it('are the end of a request when one has begun, although they look like a known one', async () => {
    const line = await open();
    await repeat(line, GET_TAG);
    const { repeats } = twin.fastPath.counts;
    line.write(`GET /v2/${NAME}/manifests/two HTTP/1.1\r\nHost: registry.test\r\nX-Note: `);
    await sleep(20);
    line.write(GET_TAG);
    // "GET /v2/… HTTP/1.1" is the value of the note, and the second host is one too many.
    expect(await line.answer()).toMatch(/^HTTP\/1\.1 400 /);
    await expect.poll(() => line.closed).toBe(true);
    expect([line.rest, twin.fastPath.counts.repeats]).toEqual(['', repeats]);
  });

  it.each([
    ['no HTTP', 'RUBBISH RUBBISH\r\n\r\n'],
    ['another version of it', 'GET /v2/ HTTP/9.9\r\n\r\n'],
    ['a broken header', 'GET /v2/ HTTP/1.1\r\nA b\r\n\r\n'],
    ['a tunnel', 'CONNECT registry.test:80 HTTP/1.1\r\nHost: registry.test:80\r\n\r\n'],
  ])('end the connection when %s stands behind the request, each time', async (_what, rest) => {
    const { repeats } = twin.fastPath.counts;
    for (let times = 1; times <= 4; times += 1) {
      const line = await open();
      await repeat(line, GET_TAG);
      line.write(GET_TAG + rest);
      expect(digestIn(await line.answer())).toBe(ONE.digest);
      expect(await line.answer()).toMatch(/^HTTP\/1\.1 40[05] /);
      await expect.poll(() => line.closed).toBe(true);
    }
    expect(twin.fastPath.counts.repeats).toBe(repeats + 4);
  });

  it('are a body when one was announced, although they look like a known request', async () => {
    const line = await open();
    await repeat(line, GET_TAG);
    const { repeats } = twin.fastPath.counts;
    const auth = `Authorization: ${as('admin').authorization}`;
    line.write(request(`POST /v2/${NAME}/blobs/uploads/`, auth, `Content-Length: ${GET_TAG.length}`));
    await sleep(50);
    line.write(GET_TAG);
    expect(await line.answer()).toMatch(/^HTTP\/1\.1 20[12] /);
    line.write(request(`POST /v2/${NAME}/blobs/uploads/`, auth, 'Transfer-Encoding: chunked'));
    await sleep(50);
    line.write(`${GET_TAG.length.toString(16)}\r\n`);
    await sleep(20);
    line.write(GET_TAG);
    await sleep(20);
    line.write('\r\n0\r\n\r\n');
    expect(await line.answer()).toMatch(/^HTTP\/1\.1 20[12] /);
    expect([line.rest, twin.fastPath.counts.repeats]).toEqual(['', repeats]);
    expect(digestIn(await repeat(line, GET_TAG))).toBe(ONE.digest);
  });

  it('are a large body as it was sent, between known requests', async () => {
    const line = await open();
    await repeat(line, GET_TAG);
    const auth = `Authorization: ${as('admin').authorization}`;
    for (const seed of [1, 2]) {
      const body = randomBytes(3 * 1024 * 1024 + seed);
      const digest = sha(body);
      const post = `POST /v2/${NAME}/blobs/uploads/?digest=${digest}`;
      line.write(request(post, auth, `Content-Length: ${body.length}`));
      line.socket.write(body);
      const answer = await line.answer();
      expect([answer.slice(0, 13), digestIn(answer)]).toEqual(['HTTP/1.1 201 ', digest]);
      expect(digestIn(await repeat(line, GET_TAG))).toBe(ONE.digest);
    }
    expect(line.rest).toBe('');
  });

  it.each(['end', 'reset'] as const)('end with the connection when the client sends its %s', async (how) => {
    const line = await open();
    await repeat(line, GET_TAG);
    if (how === 'end') {
      line.write(GET_TAG);
      expect(digestIn(await line.answer())).toBe(ONE.digest);
      line.socket.end();
      await expect.poll(() => line.closed).toBe(true);
    } else {
      line.write(GET_TAG.slice(0, 20));
      line.socket.resetAndDestroy();
    }
    expect(digestIn(await repeat(await open(), GET_TAG))).toBe(ONE.digest);
  });

  it('wait for a client that reads nothing, and are all answered when it does', async () => {
    const line = await open();
    const text = request(`GET /v2/${NAME}/blobs/${LAYERS[0].digest}`);
    await repeat(line, text);
    line.socket.pause();
    const { repeats } = twin.fastPath.counts;
    const count = 40_000;
    for (let at = 0; at < count; at += 1) line.write(text);
    await sleep(500);
    const sent = line.socket.bytesWritten - line.socket.writableLength;
    expect(twin.fastPath.counts.repeats - repeats).toBeLessThan(count / 2);
    expect(sent).toBeLessThan(count * text.length);
    let answers = 0;
    line.socket.removeAllListeners('data').on('data', (part) => (answers += countOf(part.toString('latin1'))));
    line.socket.resume();
    await expect.poll(() => answers, { timeout: 60_000 }).toBeGreaterThan(count - 200);
  });
});
