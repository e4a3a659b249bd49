import { invalid } from '#platform/domain-error.js';
import type { FastifyRequest } from 'fastify';

/** Most values of one repeated parameter. */
const MOST_VALUES = 200;

/** The values of a query parameter, in order. */
export function queryValues(request: FastifyRequest, name: string): string[] {
  const value = (request.query as Record<string, string | string[] | undefined>)[name];
  const values = value === undefined ? [] : Array.isArray(value) ? value : [value];
  if (values.length > MOST_VALUES) throw invalid(`The parameter ${name} is given too often.`, name, 'UNSUPPORTED');
  return values;
}

/** The first value of a query parameter. */
export function queryValue(request: FastifyRequest, name: string): string | undefined {
  return queryValues(request, name)[0];
}

/** Media types of a parameter; a plus that was sent unescaped arrives as a space. */
export function queryTypes(request: FastifyRequest, name: string): string[] {
  return queryValues(request, name)
    .filter((value) => value !== '')
    .map((value) => value.replaceAll(' ', '+'));
}

/** The page size `n`: whole and not negative, at most `most`. */
export function pageSize(request: FastifyRequest, fallback: number, most: number): number {
  const text = queryValue(request, 'n');
  if (text === undefined || text === '') return fallback;
  if (!/^\d{1,20}$/.test(text))
    throw invalid('The page size n must be a whole number.', 'n', 'PAGINATION_NUMBER_INVALID', {
      n: text.slice(0, 40),
    });
  return Math.min(Number(text), most);
}

/** A relative link to the next page (RFC 8288). */
export function nextLink(path: string, query: Readonly<Record<string, string | readonly string[]>>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((each) => `${name}=${encodeURIComponent(each)}`),
  );
  return `<${path}?${pairs.join('&')}>; rel="next"`;
}
