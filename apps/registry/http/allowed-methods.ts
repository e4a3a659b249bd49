import type { RegistryPath } from './registry-path.js';

const READS = ['GET', 'HEAD'];

const METHODS: Readonly<Record<RegistryPath['kind'], readonly string[]>> = {
  base: READS,
  catalog: READS,
  token: READS,
  tags: READS,
  referrers: READS,
  'oras-referrers': READS,
  'rc-referrers': READS,
  links: READS,
  references: READS,
  lookaside: READS,
  content: READS,
  manifest: [...READS, 'PUT', 'DELETE'],
  blob: [...READS, 'DELETE'],
  'upload-start': ['POST'],
  upload: [...READS, 'PATCH', 'PUT', 'DELETE'],
  signatures: [...READS, 'PUT'],
  unknown: [],
};

/** The methods that an endpoint takes, for the `Allow` of a 405 (RFC 9110, section 15.5.6). Paths that lead nowhere take none. */
export function allowedMethods({ kind }: RegistryPath): readonly string[] {
  return METHODS[kind];
}
