import { Controller, Get, Param, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { pageOfReferrers, type ReferrersPage } from '#content/read/page-of-referrers.js';
import { referrerDescriptor, renderReferrers } from '#content/read/render-referrers.js';
import { MediaType } from '#oci/media-types.js';
import { invalid } from '#platform/domain-error.js';
import { isUuid } from '#platform/identifiers.js';
import { Gate } from '../access/gate.js';
import { sendBytes, sendJson } from '../http/answer.js';
import { OciErrorFilter } from '../http/oci-error.js';
import { nextLink, queryTypes, queryValue } from '../http/query.js';
import { requireDigest } from '../http/require-digest.js';
import { Upstream } from './upstream.js';
import { viewOf } from './view.js';

/** Manifests that refer to a subject, in the order in which they came; an empty list for subjects that are not here. */
@Controller()
@UseFilters(OciErrorFilter)
export class ReferrersController {
  constructor(
    private readonly source: DataSource,
    private readonly gate: Gate,
    private readonly upstream: Upstream,
  ) {}

  @Get('v2/:name/referrers/:digest')
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { digest } = request.params as { digest: string };
    const { served } = await this.gate.enter({ request, reply }, { name, action: 'pull' });
    requireDigest(digest);
    await this.upstream.refreshSignatures({ request, reply }, name, digest);
    const types = queryTypes(request, 'artifactType');
    const wanted = { types, after: placeIn(request) };
    const page = served?.repositoryId ? await pageOfReferrers(this.source, viewOf(served), digest, wanted) : NONE;
    sendBytes(reply, 200, MediaType.ociIndex, renderReferrers(page.referrers), {
      'OCI-Filters-Applied': types.length > 0 ? 'artifactType' : undefined,
      Link: linkAfter(page, `/v2/${name}/referrers/${digest}`, { artifactType: types }),
    });
  }

  /** The list of the artifacts-spec that ORAS spoke before OCI 1.1. */
  @Get('v2/:name/_oras/artifacts/referrers')
  async oras(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { served } = await this.gate.enterServed({ request, reply }, { name, action: 'pull' });
    const digest = queryValue(request, 'digest') ?? '';
    requireDigest(digest);
    const types = queryTypes(request, 'artifactType');
    const page = await pageOfReferrers(this.source, viewOf(served), digest, { types, after: placeIn(request) });
    const referrers = page.referrers.map(referrerDescriptor);
    sendJson(
      reply,
      200,
      { referrers },
      {
        'ORAS-Api-Version': 'oras/1.0',
        Link: linkAfter(page, `/v2/${name}/_oras/artifacts/referrers`, { digest, artifactType: types }),
      },
    );
  }
}

const NONE: ReferrersPage = { referrers: [] };

/** Where a page begins, as the link to it says. */
function placeIn(request: FastifyRequest): string | undefined {
  const last = queryValue(request, 'last');
  if (last !== undefined && !isUuid(last))
    throw invalid('The place in the list is of no link that was given out.', 'last', 'UNSUPPORTED');
  return last;
}

function linkAfter(
  { next }: ReferrersPage,
  path: string,
  query: Readonly<Record<string, string | readonly string[]>>,
): string | undefined {
  return next === undefined ? undefined : nextLink(path, { ...query, last: next });
}
