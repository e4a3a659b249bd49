import { describe, expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { readSimplePayload, writeSimplePayload } from './simple-payload.js';

const digest = digestOf('x');
const good = () => ({
  critical: {
    identity: { 'docker-reference': 'a/b:c' },
    image: { 'docker-manifest-digest': digest },
    type: 'atomic container signature',
  },
  optional: { creator: 'atomic 5.23.1', timestamp: 1 } as Record<string, unknown>,
});
type Payload = ReturnType<typeof good> & Record<string, unknown>;
const read = (change: (payload: Payload) => unknown) => {
  const payload = good() as Payload;
  change(payload);
  return () => readSimplePayload(Buffer.from(JSON.stringify(payload)));
};

describe('payload of simple signatures', () => {
  it('is written as Go writes it', () => {
    const bytes = writeSimplePayload({
      manifestDigest: digest,
      reference: 'a/<b>&:c',
      creator: 'atomic x',
      timestamp: 7,
    });
    expect(Buffer.from(bytes).toString()).toBe(
      `{"critical":{"identity":{"docker-reference":"a/\\u003cb\\u003e\\u0026:c"},"image":{"docker-manifest-digest":"${digest}"},"type":"atomic container signature"},"optional":{"creator":"atomic x","timestamp":7}}`,
    );
    expect(readSimplePayload(bytes).reference).toBe('a/<b>&:c');
  });

  it.each<[string, (payload: Payload) => unknown]>([
    ['nothing changed', () => undefined],
    ['an empty optional', (each) => (each.optional = {})],
    ['unknown optional members', (each) => (each.optional['more'] = [1])],
    ['a negative timestamp', (each) => (each.optional['timestamp'] = -5)],
  ])('is read with %s', (_, change) =>
    expect(read(change)()).toMatchObject({ manifestDigest: digest, reference: 'a/b:c' }),
  );

  it.each<[string, (payload: Payload) => unknown]>([
    ['an unknown member', (each) => (each['more'] = 1)],
    ['an unknown critical member', (each) => Object.assign(each.critical, { more: 1 })],
    ['an unknown image member', (each) => Object.assign(each.critical.image, { more: 1 })],
    ['an unknown identity member', (each) => Object.assign(each.critical.identity, { more: 1 })],
    ['no optional', (each) => delete (each as Partial<Payload>).optional],
    ['no critical', (each) => delete (each as Partial<Payload>).critical],
    ['another type', (each) => (each.critical.type = 'cosign container image signature')],
    ['an empty reference', (each) => (each.critical.identity['docker-reference'] = '')],
    ['a digest that is none', (each) => (each.critical.image['docker-manifest-digest'] = 'sha256:zz')],
    ['a null reference', (each) => Object.assign(each.critical.identity, { 'docker-reference': null })],
    ['a creator that is no text', (each) => (each.optional['creator'] = 1)],
    ['a fractional timestamp', (each) => (each.optional['timestamp'] = 1.5)],
    ['a timestamp that is text', (each) => (each.optional['timestamp'] = '1')],
    ['a timestamp beyond 64 bits', (each) => (each.optional['timestamp'] = 1e19)],
    ['an optional that is a list', (each) => Object.assign(each, { optional: [] })],
  ])('is refused with %s', (_, change) =>
    expect(read(change)).toThrow(expect.objectContaining({ code: 'MALFORMED_PAYLOAD' })),
  );

  it('is refused with duplicate members and with data after it', () => {
    const text = JSON.stringify(good());
    for (const bad of [`${text}x`, text.replace('"optional":{', '"optional":{"a":1,"a":2,'), `[${text}]`, 'null']) {
      expect(() => readSimplePayload(Buffer.from(bad))).toThrow(expect.objectContaining({ code: 'MALFORMED_PAYLOAD' }));
    }
  });
});
