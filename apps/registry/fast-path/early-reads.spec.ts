import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { readEarly } from './early-reads.js';

let server: Server;
afterEach(() => server.close());

/** Both ends of a connection. */
async function pair(): Promise<[accepted: Socket, client: Socket]> {
  server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  return [accepted, client];
}

it('shows what comes before anybody else sees it, and passes on what is not taken', async () => {
  const [accepted, client] = await pair();
  const seen: string[] = [];
  const passed: string[] = [];
  accepted.on('data', (bytes) => passed.push(bytes.toString()));
  readEarly(accepted, (bytes, length) => {
    seen.push(bytes.toString('latin1', 0, length));
    return seen.length % 2 === 1;
  });
  for (const [at, text] of ['one', 'two', 'three', 'four'].entries()) {
    client.write(text);
    await expect.poll(() => seen.length).toBe(at + 1);
  }
  client.end();
  await once(accepted, 'end');
  expect([seen, passed]).toEqual([
    ['one', 'two', 'three', 'four'],
    ['two', 'four'],
  ]);
});

it('shows nothing while what came before waits, and keeps all of it in order', async () => {
  const [accepted, client] = await pair();
  let shown = 0;
  const parts: Buffer[] = [];
  readEarly(accepted, (bytes, length) => (shown += parts.push(Buffer.from(bytes.subarray(0, length)))) > 0);
  const sent = Buffer.from(Array.from({ length: 500_000 }, (_each, at) => at % 251));
  accepted.pause();
  client.end(sent);
  await expect.poll(() => accepted.readableLength).toBeGreaterThan(0);
  expect(shown).toBe(0);
  accepted.on('data', (part) => parts.push(part));
  await once(accepted.resume(), 'end');
  expect(Buffer.concat(parts).equals(sent)).toBe(true);
});

it('is given over to who asks last', async () => {
  const [accepted, client] = await pair();
  accepted.resume();
  readEarly(accepted, () => expect.unreachable());
  const taken = new Promise<string>((resolve) => {
    readEarly(accepted, (bytes, length) => (resolve(bytes.toString('latin1', 0, length)), true));
  });
  client.write('news');
  expect(await taken).toBe('news');
  client.destroy();
});
