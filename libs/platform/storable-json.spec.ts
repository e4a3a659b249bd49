import { describe, expect, it } from 'vitest';
import { storableJson } from './storable-json.js';

describe('JSON for the database', () => {
  it('has U+FFFD in place of NUL and of halves of surrogate pairs, in names too', () => {
    expect(storableJson({ 'a\0': ['b\ud800c', '\udc00', { d: '🎉\0' }] })).toBe('{"a�":["b�c","�",{"d":"🎉�"}]}');
  });

  it('leaves everything else as it is, what only looks like an escape too', () => {
    const value = {
      text: String.raw`\u0000 \\ud800 "\0"`,
      control: '\u0001\n\t\\',
      pair: '🎉',
      none: null,
      list: [1.5, true],
    };
    expect(JSON.parse(storableJson(value))).toEqual(value);
    expect(storableJson(value)).toBe(JSON.stringify(value));
  });
});
