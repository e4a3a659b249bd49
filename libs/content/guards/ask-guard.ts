import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { DataSource } from 'typeorm';
import { objectKey } from '#access/permission-names.js';
import type { RightsHolder } from '#access/registry-rights.js';
import { isDomainError } from '#platform/domain-error.js';
import { queryPrepared } from '#platform/database.js';
import type { ContentGuardEntity } from './content-guard.entity.js';
import { firstAt, parseJsonPath } from './json-path.js';

/** What guards look at in a request. */
export interface Download {
  readonly holder: RightsHolder;
  readonly headers: IncomingHttpHeaders;
}

type Guard = Pick<ContentGuardEntity, 'id' | 'type' | 'headerName' | 'headerValue' | 'jqFilter' | 'guards'>;

/**
 * True when a guard lets a download pass that the right to pull allows. A guard that is not there, and a composite of none,
 * lets nobody pass. Guards are read anew each time: an edit counts from the next request on.
 */
export async function guardLetsPass(source: DataSource, guardId: string, download: Download): Promise<boolean> {
  const text = `with recursive inside(id) as (select $1::uuid union
      select each::uuid from inside join content_guard g on g.id = inside.id
        cross join lateral jsonb_array_elements_text(g.guards) each)
    select g.id, g.type, g.header_name as "headerName", g.header_value as "headerValue", g.jq_filter as "jqFilter", g.guards
    from inside join content_guard g on g.id = inside.id`;
  const guards = await queryPrepared<Guard>(source, 'guard-with-parts', text, [guardId]);
  // Any-of of any-ofs is one any-of, so the order in which guards hang together does not matter.
  return guards.some((guard) => letsPass(guard, download));
}

/** The answer of one guard by itself; a composite's are those of its parts. */
function letsPass(guard: Guard, { holder, headers }: Download): boolean {
  switch (guard.type) {
    case 'content_redirect':
      // It lets pass who comes by way of the registry's own decision, and everybody here does.
      return true;
    case 'rbac':
      return (
        holder.kind !== 'anonymous' &&
        holder.permissions.has('core.download_rbaccontentguard', objectKey('core.rbaccontentguard', guard.id))
      );
    case 'header':
      return headerMatches(guard, headers);
    case 'composite':
      return false;
  }
}

function headerMatches({ headerName, headerValue, jqFilter }: Guard, headers: IncomingHttpHeaders): boolean {
  const sent = headers[headerName!.toLowerCase()];
  if (typeof sent !== 'string') return false;
  const value = jqFilter === null ? sent : valueInside(sent, jqFilter);
  return typeof value === 'string' && timingSafeEqual(sha256(value), sha256(headerValue!));
}

function valueInside(header: string, filter: string): unknown {
  try {
    const json: unknown = JSON.parse(Buffer.from(header, 'base64').toString('utf8'));
    return firstAt(parseJsonPath(filter), json);
  } catch (error) {
    // Neither a header that is no JSON nor a filter from before only paths were taken lets anybody pass.
    if (error instanceof SyntaxError || isDomainError(error)) return undefined;
    throw error;
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
