import { describe, expect, it } from 'vitest';
import { parseRegistryPath } from './registry-path.js';
import { rewriteRegistryUrl } from './rewrite-url.js';

const rewrite = (url: string) => rewriteRegistryUrl({ url });

describe('paths of the registry', () => {
  it.each([
    ['/v2/', 'base', undefined, undefined],
    ['/v2', 'base', undefined, undefined],
    ['/v2/_catalog', 'catalog', undefined, undefined],
    ['/v2/a/tags/list', 'tags', 'a', undefined],
    ['/v2/a/b/manifests/v1', 'manifest', 'a/b', 'v1'],
    ['/v2/a/manifests/b/manifests/v1', 'manifest', 'a/manifests/b', 'v1'],
    ['/v2/a/manifests/tags/list', 'tags', 'a/manifests', undefined],
    ['/v2/a/blobs/uploads/', 'upload-start', 'a', undefined],
    ['/v2/a/blobs/uploads', 'upload-start', 'a', undefined],
    ['/v2/a/blobs/uploads/id', 'upload', 'a', 'id'],
    ['/v2/a/blobs/uploads/blobs/uploads/id', 'upload', 'a/blobs/uploads', 'id'],
    ['/v2/a/blobs/blobs/sha256:x', 'blob', 'a/blobs', 'sha256:x'],
    ['/v2/a/referrers/b/referrers/sha256:x', 'referrers', 'a/referrers/b', 'sha256:x'],
    ['/v2/a/_oras/artifacts/referrers', 'oras-referrers', 'a', undefined],
    ['/v2/_ext/oci-artifacts/v1/a/b/manifests/v1/links', 'links', 'a/b', 'v1'],
    ['/v2/_ext/oci-artifacts/v1/a/b/manifests/v1/references', 'references', 'a/b', 'v1'],
    ['/v2/_ext/oci-artifacts/v1-rc1/a/manifests/v1/referrers', 'rc-referrers', 'a', 'v1'],
    ['/extensions/v2/a/b/signatures/sha256:x', 'signatures', 'a/b', 'sha256:x'],
    ['/lookaside/a/b@sha256=x/signature-1', 'lookaside', 'a/b@sha256=x', 'signature-1'],
    ['/pulp/container/a/b/blobs/sha256:x', 'content', 'a/b', 'sha256:x'],
    ['/v2/a', 'unknown', undefined, undefined],
    ['/v2/manifests/x', 'unknown', undefined, undefined],
    ['/v2//manifests', 'unknown', undefined, undefined],
  ])('%s is %s', (path, kind, name, reference) => {
    const parsed = parseRegistryPath(path) as { kind: string; name?: string; reference?: string };
    expect([parsed.kind, parsed.name, parsed.reference]).toEqual([kind, name, reference]);
  });

  it.each(['/', '/pulp/api/v3/status/', '/v2x/a', '/livez'])('%s is of others, and stays as it is', (path) => {
    expect(parseRegistryPath(path)).toBeUndefined();
    expect(rewrite(`${path}?a=/v2/b`)).toBe(`${path}?a=/v2/b`);
  });
});

describe('the rewritten URL', () => {
  it('has one segment for the name, and keeps the query as it was sent', () => {
    expect(rewrite('/v2/a/b/manifests/v1?x=/manifests/y%2F')).toBe('/v2/a%2Fb/manifests/v1?x=/manifests/y%2F');
    expect(rewrite('/v2/a/b/blobs/sha256%3Aabc')).toBe('/v2/a%2Fb/blobs/sha256%3Aabc');
  });

  it.each(['a%2fb', 'a%5cb', 'a%00', '%zz', '%252e', 'x'.repeat(700), '%c0%ae'])(
    'makes %s what no grammar accepts',
    (part) => {
      expect(rewrite(`/v2/${part}/manifests/v1`)).toBe('/v2/!/manifests/v1');
      expect(rewrite(`/v2/a/manifests/${part}`)).toBe('/v2/a/manifests/!');
    },
  );

  it('of an absolute target is its path', () => {
    expect(rewrite('http://other.example/v2/a/tags/list')).toBe('/v2/a/tags/list');
    expect(rewrite('*')).toBe('/');
  });
});
