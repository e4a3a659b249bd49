import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, startApi, type ApiProcess, type Json } from './api-process.js';

const REMOTES = `${ROOT}/remotes/container/container/`;

describe('remotes', () => {
  let api: ApiProcess;
  let count = 0;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.close());

  const asked = async (members: object): Promise<Json> => {
    const whole = { name: `remote ${(count += 1)}`, url: 'http://127.0.0.1:9', upstream_name: 'a/b', ...members };
    const { status, body } = await api.request('POST', REMOTES, whole);
    return status === 201 ? { made: true } : { status, ...body };
  };

  it('are refused with a URL that no request can be sent to, its own, that of its sigstore or that of its proxy', async () => {
    const url = ['Enter a valid URL.'];
    const proxy_url = ['Enter a valid URL, such as http://host:port; https and socks5 are the other schemes.'];
    for (const text of ['http://[', 'http://a b/', 'NaN', 'ftp://host', 'host:3128'])
      expect(await asked({ url: text, sigstore: text, proxy_url: text })).toEqual({
        status: 400,
        url,
        sigstore: url,
        proxy_url,
      });
    for (const text of ['http://proxy:3128', 'https://proxy', 'socks5://proxy:1080'])
      expect(await asked({ proxy_url: text, sigstore: 'https://host/sigstore' })).toEqual({ made: true });
  });

  it('are refused with headers that no request may have, by name', async () => {
    const names = (headers: object[]) => asked({ headers });
    for (const name of ['a b', '', 'é', 'Transfer-Encoding', 'expect'])
      expect(await names([{ fine: 'x' }, { [name]: 'x' }])).toEqual({
        status: 400,
        headers: [`${JSON.stringify(name)} is not the name of a header that requests may have.`],
      });
    for (const value of ['a\nb', 'a\rb', '🎉', null, ['a'], { a: 'b' }])
      expect(await names([{ 'x-own': value }])).toEqual({
        status: 400,
        headers: ['The value of "x-own" is not one that a header may have.'],
      });
    expect(await names([{ 'x-own': 'a\tb é' }, { 'x-number': 1, host: 'other' }])).toEqual({ made: true });
  });

  it('say of both certificates at once that they are none', async () => {
    const none = ['No PEM-encoded certificates found in string.'];
    const bad = { ca_cert: 'x', client_cert: 'y' };
    expect(await asked(bad)).toEqual({ status: 400, ca_cert: none, client_cert: none });
  });
});
