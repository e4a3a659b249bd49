import type { FastifyReply } from 'fastify';
import { describe, expect, it } from 'vitest';
import { clientOrigin } from './client-origin.js';

const origin = (publicUrl: string, host?: string) =>
  clientOrigin({ publicUrl }, { request: { raw: { headers: { host } } } } as unknown as FastifyReply);

describe('the origin that a client is told', () => {
  it.each(['localhost:24817', '127.0.0.1:24817', 'LocalHost:8080', '[::1]:24817', 'localhost'])(
    'of a server on loopback is the loopback address that it was called by: %s',
    (host) => {
      expect(origin('http://127.0.0.1:24817', host)).toBe(`http://${host}`);
      expect(origin('https://localhost/prefix', host)).toBe(`https://${host}/prefix`);
    },
  );

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.2',
    'localhost:x',
    'a@localhost',
    '',
  ])('is the public one whatever else it was called by: %s', (host) =>
    expect(origin('http://127.0.0.1:24817', host)).toBe('http://127.0.0.1:24817'),
  );

  it('of a server with a public name is always that name', () => {
    expect(origin('https://registry.example.com', 'localhost:24817')).toBe('https://registry.example.com');
    expect(origin('http://127.0.0.1:24817')).toBe('http://127.0.0.1:24817');
  });
});
