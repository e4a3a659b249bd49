import { isDigest, looksLikeDigest } from '#oci/digest.js';
import { isRepositoryName, isTagName } from '#oci/reference.js';
import { parseRegistryPath } from '../http/registry-path.js';

/** A request that the fast path knows how to answer, read from its raw URL. */
export type FastTarget =
  | { readonly kind: 'manifest' | 'blob'; readonly name: string; readonly reference: string }
  | { readonly kind: 'referrers'; readonly name: string; readonly reference: string; readonly types: readonly string[] }
  | { readonly kind: 'tags'; readonly name: string; readonly n: number; readonly last: string };

const LONGEST_URL = 1024;
/** Most tags of one page. */
const PAGE = 10_000;

/**
 * Reads a raw URL of plain form: no percent-encoding outside of a filter, names and references of the grammar, only query
 * parameters that change the answer. Undefined for everything else, which the framework takes.
 */
export function parseFastTarget(url: string): FastTarget | undefined {
  if (url.length > LONGEST_URL || !url.startsWith('/v2/')) return undefined;
  const question = url.indexOf('?');
  const path = question < 0 ? url : url.slice(0, question);
  const query = question < 0 ? undefined : url.slice(question + 1);
  const parsed = parseRegistryPath(path);
  if (!parsed || !('name' in parsed) || !isRepositoryName(parsed.name)) return undefined;
  switch (parsed.kind) {
    case 'manifest':
      return query === undefined && isPlainReference(parsed.reference)
        ? { kind: 'manifest', name: parsed.name, reference: parsed.reference }
        : undefined;
    case 'blob':
      return query === undefined && isDigest(parsed.reference)
        ? { kind: 'blob', name: parsed.name, reference: parsed.reference }
        : undefined;
    case 'referrers':
      return referrersTarget(parsed.name, parsed.reference, query);
    case 'tags':
      return tagsTarget(parsed.name, query);
    default:
      return undefined;
  }
}

function isPlainReference(reference: string): boolean {
  return looksLikeDigest(reference) ? isDigest(reference) : isTagName(reference);
}

function referrersTarget(name: string, reference: string, query: string | undefined): FastTarget | undefined {
  if (!isDigest(reference)) return undefined;
  if (query === undefined) return { kind: 'referrers', name, reference, types: [] };
  const value = /^artifactType=([\w!#$^.+/%-]+)$/.exec(query)?.[1];
  const type = value === undefined ? undefined : decoded(value.replaceAll('+', ' '))?.replaceAll(' ', '+');
  return type ? { kind: 'referrers', name, reference, types: [type] } : undefined;
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

function tagsTarget(name: string, query: string | undefined): FastTarget | undefined {
  let n = PAGE;
  let last = '';
  const seen = new Set<string>();
  for (const pair of query === undefined ? [] : query.split('&')) {
    const [, key = '', value = ''] = /^(n|last)=([\w.-]{1,128})$/.exec(pair) ?? [];
    if (key === '' || seen.has(key)) return undefined;
    seen.add(key);
    if (key === 'last') last = value;
    else if (/^[1-9]\d{0,8}$/.test(value)) n = Math.min(Number(value), PAGE);
    else return undefined;
  }
  return { kind: 'tags', name, n, last };
}
