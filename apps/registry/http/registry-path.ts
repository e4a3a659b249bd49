/** What a path of the registry leads to. Parts are as they were sent, percent-encoding included. */
export type RegistryPath =
  | { readonly kind: 'base' | 'catalog' | 'token' | 'unknown' }
  | { readonly kind: 'tags' | 'upload-start' | 'oras-referrers'; readonly name: string }
  | {
      readonly kind: 'manifest' | 'blob' | 'upload' | 'referrers' | 'signatures' | 'content';
      readonly name: string;
      readonly reference: string;
    }
  | { readonly kind: 'links' | 'references' | 'rc-referrers'; readonly name: string; readonly reference: string }
  | { readonly kind: 'lookaside'; readonly name: string; readonly reference: string };

const EXT = '_ext/oci-artifacts/';
const VIEWS = { links: 'links', references: 'references', referrers: 'rc-referrers' } as const;

/**
 * Reads a raw path from the right, since a repository may be called `a/manifests/b`. Undefined when the path is not the
 * registry's at all.
 */
export function parseRegistryPath(path: string): RegistryPath | undefined {
  if (path === '/v2' || path.startsWith('/v2/')) return parseV2(path.slice(4));
  if (path === '/token' || path === '/token/') return { kind: 'token' };
  if (path.startsWith('/extensions/'))
    return path.startsWith('/extensions/v2/') ? tail(path.slice(15), 'signatures', 'signatures') : unknown;
  if (path.startsWith('/lookaside/')) return parseLookaside(path.slice(11));
  if (path.startsWith('/pulp/container/')) return tail(path.slice(16), 'blobs', 'content');
  return undefined;
}

/** Path and query of a request target. One in absolute form names a host too, which decides nothing (RFC 9112, section 3.2.2). */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const [, rest = ''] = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*(.*)$/is.exec(target) ?? [];
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** {@link parseRegistryPath} of a whole request target. */
export function registryPathOf(target: string): RegistryPath | undefined {
  const url = originForm(target);
  const question = url.indexOf('?');
  return parseRegistryPath(question < 0 ? url : url.slice(0, question));
}

const unknown: RegistryPath = { kind: 'unknown' };

function parseV2(rest: string): RegistryPath {
  if (rest === '') return { kind: 'base' };
  if (rest === '_catalog') return { kind: 'catalog' };
  if (rest.startsWith(EXT)) return parsePrototype(rest.slice(EXT.length));
  if (rest.endsWith('/_oras/artifacts/referrers')) return { kind: 'oras-referrers', name: rest.slice(0, -26) };
  if (rest.endsWith('/tags/list')) return { kind: 'tags', name: rest.slice(0, -10) };
  if (rest.endsWith('/blobs/uploads')) return { kind: 'upload-start', name: rest.slice(0, -14) };
  if (rest.endsWith('/blobs/uploads/')) return { kind: 'upload-start', name: rest.slice(0, -15) };
  const [before, last] = cut(rest);
  for (const [marker, kind] of NOUNS)
    if (before.endsWith(marker) && before.length > marker.length)
      return { kind, name: before.slice(0, -marker.length), reference: last };
  return unknown;
}

const NOUNS = [
  ['/blobs/uploads', 'upload'],
  ['/manifests', 'manifest'],
  ['/blobs', 'blob'],
  ['/referrers', 'referrers'],
] as const;

function parsePrototype(rest: string): RegistryPath {
  const [before, view] = cut(rest);
  const version = before.slice(0, before.indexOf('/'));
  const found = tail(before.slice(version.length + 1), 'manifests', 'manifest');
  const known = version === 'v1' ? view !== 'referrers' : version === 'v1-rc1' && view === 'referrers';
  if (!known || !Object.hasOwn(VIEWS, view) || !('reference' in found)) return unknown;
  return { kind: VIEWS[view as keyof typeof VIEWS], name: found.name, reference: found.reference };
}

function parseLookaside(rest: string): RegistryPath {
  const [name, reference] = cut(rest);
  return name === '' ? unknown : { kind: 'lookaside', name, reference };
}

function tail<K extends 'signatures' | 'content' | 'manifest'>(path: string, noun: string, kind: K): RegistryPath {
  const [before, reference] = cut(path);
  const marker = `/${noun}`;
  if (!before.endsWith(marker) || before.length === marker.length) return unknown;
  return { kind, name: before.slice(0, -marker.length), reference };
}

function cut(path: string): [before: string, last: string] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}
