import { describe, expect, test } from 'vitest';
import { matcher, selectTags } from './select-tags.js';

const HEX = 'a'.repeat(64);

describe('a pattern', () => {
  test.each([
    ['1.*', '1.2.3', true],
    ['1.*', '2.1', false],
    ['v?', 'v1', true],
    ['v?', 'v10', false],
    ['[0-9]*', '7-x', true],
    ['[!0-9]*', '7-x', false],
    ['[]a]x', ']x', true],
    ['[open', '[open', true],
    ['Latest', 'latest', false],
    ['a.c', 'abc', false],
  ])('%s on %s is %s', (pattern, text, expected) => {
    expect(matcher([pattern])(text)).toBe(expected);
  });

  test('with many stars takes no time', () => {
    const begun = performance.now();
    expect(matcher(['*a'.repeat(60) + 'b'])('a'.repeat(128))).toBe(false);
    expect(performance.now() - begun).toBeLessThan(200);
  });
});

describe('a selection', () => {
  const tags = ['1.0', '2.0', 'latest', `sha256-${HEX}.sig`];
  test('without filters is everything', () => {
    expect(selectTags(tags, null, [])).toMatchObject({
      images: ['1.0', '2.0', 'latest'],
      attachments: [`sha256-${HEX}.sig`],
      filtered: false,
    });
  });

  test('applies excludes after includes and leaves attachments to their images', () => {
    expect(selectTags(tags, ['*.0'], ['2*'])).toEqual({
      images: ['1.0'],
      attachments: [`sha256-${HEX}.sig`],
      digests: [],
      filtered: true,
    });
    expect(selectTags(tags, null, ['sha256-*']).attachments).toEqual([]);
  });

  test('of digests only takes no tags', () => {
    expect(selectTags(tags, [`sha256:${HEX}`], null)).toMatchObject({ images: [], digests: [`sha256:${HEX}`] });
  });
});
