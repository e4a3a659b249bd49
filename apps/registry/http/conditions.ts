import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { isDigest } from '#oci/digest.js';
import { parseRanges, type Ranges } from '#storage/byte-ranges.js';

/** The strong entity tag of content with this digest. */
export const etagOf = (digest: string) => `"${digest}"`;

/** True when the client already has the content (RFC 9110, "If-None-Match"). */
export function isUnchanged(request: FastifyRequest, digest: string): boolean {
  const header = request.raw.headers['if-none-match'];
  return header !== undefined && matchesEntityTag(header, digest);
}

/** True when an `If-None-Match` header names the content with this digest. */
export function matchesEntityTag(header: string, digest: string): boolean {
  if (header.length > 8192) return false;
  return header.trim() === '*' || entityTags(header).includes(digest);
}

/** What a request wants of content: a range of something else than the client has begins anew (RFC 9110, "If-Range"). */
export function wantedRanges(headers: IncomingHttpHeaders, digest: string, size: number): Ranges {
  const condition = headers['if-range'];
  return condition === undefined || condition === etagOf(digest) ? parseRanges(headers.range, size) : 'all';
}

/** What a PUT or DELETE expects of the tag: digests, `*` for anything, null for nothing; undefined when it does not say. */
export function expectedOf(request: FastifyRequest): readonly string[] | null | '*' | undefined {
  const { 'if-match': match, 'if-none-match': noneMatch } = request.raw.headers;
  if (match !== undefined) return match.trim() === '*' ? '*' : entityTags(match).filter(isDigest);
  return noneMatch?.trim() === '*' ? null : undefined;
}

function entityTags(header: string): string[] {
  return header.split(',').map((tag) => tag.trim().replace(/^W\//, '').replaceAll('"', ''));
}
