import type { ServerResponse } from 'node:http';

/** What every answer of the registry carries, errors included; podman and skopeo look at it on 401 too. */
export const COMMON_HEADERS = {
  'Docker-Distribution-API-Version': 'registry/2.0',
  'X-Registry-Supports-Signatures': '1',
  'X-Content-Type-Options': 'nosniff',
} as const;

/** `Cache-Control` of blobs: whoever may have one may keep it, for it never changes. */
export const BLOB_CACHING = 'private, max-age=31536000, immutable, no-transform';

/** Sets the {@link COMMON_HEADERS}. */
export function setRegistryHeaders(response: ServerResponse): void {
  setHeaders(response, COMMON_HEADERS);
}

/** Header names as they are written on the wire; scripts match on them. */
export type Headers = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** Sets headers with their names as written here; undefined ones are left out. */
export function setHeaders(response: ServerResponse, headers: Headers): void {
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
}
