import { originForm, parseRegistryPath, type RegistryPath } from './registry-path.js';

const LONGEST_PART = 600;
/** Parts that no grammar accepts; they stand for those that are too long to route. */
const TOO_LONG = '!';
const NOWHERE = '/v2/!/nowhere';

/**
 * Fastify's `rewriteUrl` for the registry: every name and reference becomes one encoded path segment, so that ordinary
 * routes match. Paths of others stay as they are.
 */
export function rewriteRegistryUrl(request: { url?: string | undefined }): string {
  const target = originForm(request.url ?? '/');
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  const parsed = parseRegistryPath(path);
  if (!parsed) return target;
  return routePath(parsed) + (question < 0 ? '' : target.slice(question));
}

/** The route that serves a parsed path. */
export function routePath(path: RegistryPath): string {
  switch (path.kind) {
    case 'base':
      return '/v2/';
    case 'catalog':
      return '/v2/_catalog';
    case 'token':
      return '/token/';
    case 'unknown':
      return NOWHERE;
    case 'tags':
      return `/v2/${segment(path.name)}/tags/list`;
    case 'upload-start':
      return `/v2/${segment(path.name)}/blobs/uploads/`;
    case 'oras-referrers':
      return `/v2/${segment(path.name)}/_oras/artifacts/referrers`;
    case 'manifest':
      return `/v2/${segment(path.name)}/manifests/${segment(path.reference)}`;
    case 'blob':
      return `/v2/${segment(path.name)}/blobs/${segment(path.reference)}`;
    case 'upload':
      return `/v2/${segment(path.name)}/blobs/uploads/${segment(path.reference)}`;
    case 'referrers':
      return `/v2/${segment(path.name)}/referrers/${segment(path.reference)}`;
    case 'links':
    case 'references':
      return `/v2/_ext/oci-artifacts/v1/${segment(path.name)}/manifests/${segment(path.reference)}/${path.kind}`;
    case 'rc-referrers':
      return `/v2/_ext/oci-artifacts/v1-rc1/${segment(path.name)}/manifests/${segment(path.reference)}/referrers`;
    case 'signatures':
      return `/extensions/v2/${segment(path.name)}/signatures/${segment(path.reference)}`;
    case 'lookaside':
      return `/lookaside/${segment(path.name)}/${segment(path.reference)}`;
    case 'content':
      return `/pulp/container/${segment(path.name)}/blobs/${segment(path.reference)}`;
  }
}

/** Percent-encoding in a digest or name is undone once, after the path was cut; a slash that comes out fits no grammar. */
function segment(raw: string): string {
  if (raw.length > LONGEST_PART || raw === '') return TOO_LONG;
  return encodeURIComponent(decoded(raw));
}

function decoded(raw: string): string {
  if (!raw.includes('%')) return raw;
  if (/%(?:2f|5c|00|25)/i.test(raw)) return TOO_LONG;
  try {
    return decodeURIComponent(raw);
  } catch {
    return TOO_LONG;
  }
}
