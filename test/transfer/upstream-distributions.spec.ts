import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { upstreamDistributions, type UpstreamServer } from '#transfer/exchange/upstream-distributions.js';

let other: Server;
afterEach(() => void other.close());

/** Another installation with so many distributions; for ever more of them when it is Infinity. */
async function installation(count: number): Promise<UpstreamServer> {
  other = createServer((request, response) => {
    const query = new URL(request.url!, 'http://other').searchParams;
    const [offset, limit] = [Number(query.get('offset')), Number(query.get('limit'))];
    const shown = Math.min(limit, count - offset);
    const results = Array.from({ length: shown }, (_each, at) => ({ name: `app-${offset + at}` }));
    response.end(JSON.stringify({ results, next: offset + limit < count ? 'there is more' : null }));
  });
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  return {
    base_url: `http://127.0.0.1:${(other.address() as AddressInfo).port}`,
    api_root: 'pulp',
    domain: null,
    ca_cert: null,
    client_cert: null,
    client_key: null,
    tls_validation: true,
    username: null,
    password: null,
  };
}

const { signal } = new AbortController();

test('all pages of the distributions of another installation are read', async () => {
  const found = await upstreamDistributions(await installation(250), null, signal);
  expect(found.map(({ name }) => name)).toEqual(Array.from({ length: 250 }, (_each, at) => `app-${at}`));
});

test('a list without end is refused, and not cut short, since what it lacks would be removed', async () => {
  const endless = await installation(Infinity);
  await expect(upstreamDistributions(endless, null, signal)).rejects.toMatchObject({
    code: 'UPSTREAM_LIMIT',
    message: expect.stringMatching(/lists more than 100000 distributions; narrow them with q_select/) as string,
  });
});
