import { Controller, Get, Param, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { findReferrers, type FoundReferrer } from '#content/read/find-referrers.js';
import { referrerDescriptor } from '#content/read/render-referrers.js';
import { isDigest } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { invalid } from '#platform/domain-error.js';
import { Gate } from '../access/gate.js';
import { sendBytes, sendJson } from '../http/answer.js';
import { OciErrorFilter } from '../http/oci-error.js';
import { nextLink, queryTypes, queryValue } from '../http/query.js';
import { Upstream } from './upstream.js';
import { viewOf } from './view.js';

/** Largest page in bytes: some clients read one page and no more than this. */
const PAGE_BYTES = 4 * 1024 * 1024 - 1024;

/** Manifests that refer to a subject, oldest first; an empty list for subjects that are not here. */
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
    const found = served?.repositoryId ? await findReferrers(this.source, viewOf(served), digest) : [];
    const wanted = types.length === 0 ? found : found.filter((each) => types.includes(each.artifactType ?? ''));
    const last = queryValue(request, 'last');
    const { manifests, next } = page(wanted, last);
    const query = { ...(types.length > 0 ? { artifactType: types } : {}), last: next ?? '' };
    const body = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
    sendBytes(reply, 200, MediaType.ociIndex, Buffer.from(JSON.stringify(body)), {
      'OCI-Filters-Applied': types.length > 0 ? 'artifactType' : undefined,
      Link: next === undefined ? undefined : nextLink(`/v2/${name}/referrers/${digest}`, query),
    });
  }

  /** The list of the artifacts-spec that ORAS spoke before OCI 1.1. */
  @Get('v2/:name/_oras/artifacts/referrers')
  async oras(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { served } = await this.gate.enterServed({ request, reply }, { name, action: 'pull' });
    const digest = queryValue(request, 'digest') ?? '';
    requireDigest(digest);
    const types = queryTypes(request, 'artifactType');
    const found = await findReferrers(this.source, viewOf(served), digest);
    const wanted = types.length === 0 ? found : found.filter((each) => types.includes(each.artifactType ?? ''));
    sendJson(reply, 200, { referrers: wanted.map(referrerDescriptor) }, { 'ORAS-Api-Version': 'oras/1.0' });
  }
}

/** Descriptors after one digest, as many as fit a page. */
function page(found: readonly FoundReferrer[], last: string | undefined): { manifests: object[]; next?: string } {
  const start = last === undefined ? 0 : found.findIndex((each) => each.digest === last) + 1;
  const manifests: object[] = [];
  let bytes = 0;
  for (const [at, each] of found.slice(start).entries()) {
    const descriptor = referrerDescriptor(each);
    bytes += Buffer.byteLength(JSON.stringify(descriptor)) + 1;
    if (bytes > PAGE_BYTES && manifests.length > 0) return { manifests, next: found[start + at - 1]!.digest };
    manifests.push(descriptor);
  }
  return { manifests };
}

function requireDigest(digest: string): void {
  if (!isDigest(digest))
    throw invalid('The subject must be a sha256 or sha512 digest.', 'digest', 'DIGEST_INVALID', {
      digest: String(digest).slice(0, 160),
    });
}
