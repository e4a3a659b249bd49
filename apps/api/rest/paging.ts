import type { QueryValues } from './query.js';

/** Most results of one page; longer lists go on behind `next`. */
export const MOST = 10_000;
const USUAL = 100;
const FARTHEST = 2_147_483_647;

/** Which part of a list is asked for. */
export interface Window {
  readonly limit: number;
  readonly offset: number;
}

/** Reads `limit` and `offset`; what cannot be read counts as absent. */
export function windowOf(query: QueryValues): Window {
  const limit = natural(query.get('limit')?.at(-1));
  const offset = natural(query.get('offset')?.at(-1));
  return { limit: Math.min(limit || USUAL, MOST), offset: Math.min(offset ?? 0, FARTHEST) };
}

const natural = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;

/** One page as clients read it. */
export interface Page {
  readonly count: number;
  readonly next: string | null;
  readonly previous: string | null;
  readonly results: readonly unknown[];
}

/** Puts results into the envelope; links are absolute. */
export function pageOf(results: readonly unknown[], count: number, window: Window, origin: string, url: string): Page {
  const { limit, offset } = window;
  const link = (to: number) => origin + withWindow(url, limit, to);
  return {
    count,
    next: offset + limit < count ? link(offset + limit) : null,
    previous: offset > 0 ? link(Math.max(0, offset - limit)) : null,
    results,
  };
}

function withWindow(url: string, limit: number, offset: number): string {
  const [path = '', query = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('limit', String(limit));
  if (offset > 0) parameters.set('offset', String(offset));
  else parameters.delete('offset');
  return `${path}?${parameters}`;
}
