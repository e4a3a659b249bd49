import { describe, expect, it } from 'vitest';
import { parseStrictJson, StrictJsonError } from './strict-json.js';

describe('strict JSON', () => {
  it('reads what JSON.parse reads', () => {
    const text = '{"a":[1,-2.5e3,true,false,null,"x\\u00e9\\"\\\\"],"b":{"c":{}}}';
    expect(JSON.stringify(parseStrictJson(text))).toBe(JSON.stringify(JSON.parse(text)));
  });

  it('refuses integers in disguise where only plain ones are meant', () => {
    for (const text of ['{"a":247e0}', '[2.0]', '1E2'])
      expect(() => parseStrictJson(text, { plainIntegers: true })).toThrow(StrictJsonError);
    expect(parseStrictJson('[1,-2,2.5,1e-3]', { plainIntegers: true })).toEqual([1, -2, 2.5, 0.001]);
    expect(parseStrictJson('[247e0]')).toEqual([247]);
  });

  it.each([
    '{"a":1,"a":2}',
    '{"a":{"b":1,"b":2}}',
    '{"a":1} x',
    '[1,]',
    '{"a" 1}',
    '\ufeff{}',
    '01',
    'NaN',
    '1e400',
    '"a\nb"',
    '',
    '"a',
    '{"a":"\\"}',
  ])('refuses %j', (text) => {
    expect(() => parseStrictJson(text)).toThrow(StrictJsonError);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseStrictJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(StrictJsonError);
  });

  it.each(['"\\u0000"', '{"a\\u0000":1}', '["\\ud800"]', '"\\udc00\\ud800"'])(
    'refuses %s, which no database column takes, when that is asked for',
    (text) => {
      expect(() => parseStrictJson(text, { storable: true })).toThrow(/NUL or half a surrogate pair/);
      expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      expect(parseStrictJson('"\\ud83d\\ude00"', { storable: true })).toBe('😀');
    },
  );

  it('refuses deep nesting before the stack ends', () => {
    expect(() => parseStrictJson('['.repeat(4_000_000))).toThrow(/nested deeper/);
  });

  it('keeps __proto__ an ordinary member', () => {
    const value = parseStrictJson('{"__proto__":{"admin":true}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });
});
