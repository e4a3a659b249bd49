import { Controller, Get, Inject, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { mayDo } from '#access/registry-rights.js';
import { permits } from '#access/token-claims.js';
import { listDistributions } from '#content/distributions/list-distributions.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { unauthenticated } from '#platform/domain-error.js';
import { type Caller, Gate } from '../access/gate.js';
import { targetOf } from '#content/distributions/path-rights.js';
import { sendJson } from '../http/answer.js';
import { OciErrorFilter } from '../http/oci-error.js';
import { nextLink, pageSize, queryValue } from '../http/query.js';

const PAGE = 100;
const MOST = 1000;
const BATCH = 500;
const SCOPE = 'registry:catalog:*';

/** Names of the repositories that the caller may pull, in byte order. */
@Controller()
@UseFilters(OciErrorFilter)
export class CatalogController {
  constructor(
    private readonly source: DataSource,
    private readonly gate: Gate,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  @Get('v2/_catalog')
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const caller = await this.gate.identify({ request, reply }, [SCOPE]);
    this.requireCatalog(reply, caller);
    const n = pageSize(request, PAGE, MOST);
    const last = (queryValue(request, 'last') ?? '').replaceAll('\0', '');
    const found = n === 0 ? [] : await this.visible(caller, last, n + 1);
    const repositories = found.slice(0, n);
    const more = found.length > n;
    const link = more ? nextLink('/v2/_catalog', { n: String(n), last: repositories.at(-1)! }) : undefined;
    sendJson(reply, 200, { repositories }, { Link: link });
  }

  private requireCatalog(reply: FastifyReply, { principal, claims }: Caller): void {
    if (this.config.anonymousPush) return;
    if (claims ? permits(claims, 'registry', 'catalog', '*') : principal.kind !== 'anonymous') return;
    this.gate.challenge(reply, [SCOPE], claims ? 'insufficient_scope' : undefined);
    throw unauthenticated();
  }

  private async visible({ principal }: Caller, last: string, wanted: number): Promise<string[]> {
    const holder = await this.gate.rights.holder(principal);
    const names: string[] = [];
    for (let after = last; names.length < wanted;) {
      const batch = await listDistributions(this.source, after, BATCH);
      for (const each of batch)
        if (mayDo(holder, targetOf(each.basePath, each.namespaceId ?? undefined, each), 'pull'))
          names.push(each.basePath);
      if (batch.length < BATCH) break;
      after = batch.at(-1)!.basePath;
    }
    return names.slice(0, wanted);
  }
}
