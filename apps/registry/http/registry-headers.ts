import type { ServerResponse } from 'node:http';

/** Sets what every answer of the registry carries, errors included; podman and skopeo look at it on 401 too. */
export function setRegistryHeaders(response: ServerResponse): void {
  response.setHeader('Docker-Distribution-API-Version', 'registry/2.0');
  response.setHeader('X-Registry-Supports-Signatures', '1');
  response.setHeader('X-Content-Type-Options', 'nosniff');
}

/** Header names as they are written on the wire; scripts match on them. */
export type Headers = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** Sets headers with their names as written here; undefined ones are left out. */
export function setHeaders(response: ServerResponse, headers: Headers): void {
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
}
