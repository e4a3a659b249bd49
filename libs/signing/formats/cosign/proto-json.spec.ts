import { describe, expect, it } from 'vitest';
import { readMessage } from './proto-json.js';

const SHAPE = {
  members: {
    rawBytes: 'bytes',
    logIndex: 'int64',
    validFrom: 'time',
    kind: 'enum',
    labels: 'map',
    rfc3161Stamps: { each: { members: { hint: 'string' } } },
  },
} as const;
const read = (document: Record<string, unknown>) =>
  readMessage(document, SHAPE, { what: 'the message', code: 'MALFORMED_ENVELOPE' });

describe('a message in JSON', () => {
  it.each([
    ['camel case', { rawBytes: 'AAE=' }, { rawBytes: 'AAE=' }],
    [
      'snake case',
      { raw_bytes: 'AAE=', rfc3161_stamps: [{ hint: 'x' }] },
      { rawBytes: 'AAE=', rfc3161Stamps: [{ hint: 'x' }] },
    ],
    ['base64url without padding', { rawBytes: '-_8' }, { rawBytes: '+/8=' }],
    ['line breaks in base64', { rawBytes: 'AA\r\nE=\n\n' }, { rawBytes: 'AAE=' }],
    ['bits behind the last byte', { rawBytes: 'AAF=' }, { rawBytes: 'AAE=' }],
    ['integers as numbers', { logIndex: 7 }, { logIndex: '7' }],
    ['integers as texts', { logIndex: '9223372036854775807' }, { logIndex: '9223372036854775807' }],
    ['integers with an exponent', { logIndex: '12e1' }, { logIndex: '120' }],
    ['null for what is not there', { logIndex: null, labels: null }, {}],
    [
      'times',
      { validFrom: '2026-01-02T03:04:05.123456789+01:00' },
      { validFrom: '2026-01-02T03:04:05.123456789+01:00' },
    ],
  ])('may use %s', (_, document, canonical) => {
    expect(read(document)).toEqual(canonical);
  });

  it.each([
    ['an unknown member', { surprise: null }],
    ['a member in both cases', { rawBytes: 'AAE=', raw_bytes: 'AAE=' }],
    ['a name that is neither', { raw_Bytes: 'AAE=' }],
    ['a member of every object', { constructor: 'x' }],
    ['base64 of two alphabets', { rawBytes: '+_8=' }],
    ['base64 with padding inside', { rawBytes: 'AA==AAE=' }],
    ['base64 that lacks a character', { rawBytes: 'AAAAA' }],
    ['an integer out of range', { logIndex: '9223372036854775808' }],
    ['an integer with a fraction', { logIndex: '1.5' }],
    ['an integer with space', { logIndex: ' 1' }],
    ['an integer in hex', { logIndex: '0x1' }],
    ['an integer with a zero in front', { logIndex: '01' }],
    ['a time without a zone', { validFrom: '2026-01-02T03:04:05' }],
    ['a list that is none', { rfc3161Stamps: {} }],
    ['null in a list', { rfc3161Stamps: [null] }],
    ['a map of other than texts', { labels: { one: 1 } }],
    ['a text that is none', { rfc3161Stamps: [{ hint: 1 }] }],
  ])('may not have %s', (_, document) => {
    expect(() => read(document)).toThrow(expect.objectContaining({ code: 'MALFORMED_ENVELOPE' }));
  });
});
