import { expect, test } from 'vitest';
import { nextPage } from './registry-reader.js';

const CURRENT = new URL('http://registry.test/v2/a/tags/list?n=2');
const next = (link: string | undefined) => nextPage(link, CURRENT, 'http://registry.test')?.href;

test.each([
  ['</v2/a/tags/list?last=b>; rel="next"'],
  ['</v2/a/tags/list?last=b>;rel=next'],
  ['<?last=b>; REL="NEXT"'],
  ['<http://other.test/v2/a/tags/list?last=b>; rel="next"'],
  ['</first>; rel="first", </v2/a/tags/list?last=b>; rel="next", </last>; rel=last'],
  ['</v2/a/tags/list?last=b>; title="one, two; rel=prev"; rel="next"'],
  ['</v2/a/tags/list?last=b>; rel="last next"'],
  ['</v2/a/tags/list?last=b>; flag; rel="next"'],
])('%s leads to the next page, at the upstream itself', (link) => {
  expect(next(link)).toBe('http://registry.test/v2/a/tags/list?last=b');
});

test.each([[undefined], [''], ['</x>; rel="prev"'], ['</x>; title="rel of the nextcloud"'], ['</x>; rel=nextish']])(
  '%s names no next page',
  (link) => {
    expect(next(link)).toBeUndefined();
  },
);

test.each([
  ['/v2/a/tags/list?last=b; rel="next"', /cannot be read/],
  ['<</x>>; rel="next"', /cannot be read/],
  ['</x; rel="next"', /cannot be read/],
  ['<http://[>; rel="next"', /no URL/],
])('%s is a fault, and not the end of the list', (link, reason) => {
  expect(() => next(link)).toThrow(reason);
});
