import { Controller, Get, Param, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { listTagNames } from '#content/read/find-manifest.js';
import { Gate } from '../access/gate.js';
import { sendJson } from '../http/answer.js';
import { OciErrorFilter } from '../http/oci-error.js';
import { nextLink, pageSize, queryValue } from '../http/query.js';
import { viewOf } from './view.js';

/** Most tags of one page. */
const PAGE = 10_000;

/** The tags of a repository in byte order. */
@Controller()
@UseFilters(OciErrorFilter)
export class TagsController {
  constructor(
    private readonly source: DataSource,
    private readonly gate: Gate,
  ) {}

  @Get('v2/:name/tags/list')
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { served } = await this.gate.enterServed({ request, reply }, { name, action: 'pull' });
    const n = pageSize(request, PAGE, PAGE);
    const last = queryValue(request, 'last') ?? '';
    const found = n === 0 ? [] : await listTagNames(this.source, viewOf(served), last.replaceAll('\0', ''), n + 1);
    const tags = found.slice(0, n);
    const more = found.length > n;
    const link = more ? nextLink(`/v2/${name}/tags/list`, { n: String(n), last: tags.at(-1)! }) : undefined;
    sendJson(reply, 200, { name, tags }, { Link: link });
  }
}
