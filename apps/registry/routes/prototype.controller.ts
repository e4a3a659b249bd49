import { Controller, Get, Param, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import type { FoundManifest } from '#content/read/find-manifest.js';
import { findReferrers } from '#content/read/find-referrers.js';
import { readManifestBytes } from '#content/read/manifest-bytes.js';
import { RenderedFallbacks } from '#content/read/rendered-fallbacks.js';
import { looksLikeDigest } from '#oci/digest.js';
import { DomainError, invalid } from '#platform/domain-error.js';
import { TrustGate } from '#signing/gate/trust-gate.js';
import { Gate } from '../access/gate.js';
import { sendJson } from '../http/answer.js';
import { OciErrorFilter } from '../http/oci-error.js';
import { queryTypes } from '../http/query.js';
import { manifestUnknown, readManifest } from './read-manifest.js';
import { viewOf } from './view.js';

interface Found {
  readonly target: FoundManifest;
  readonly artifacts: readonly { readonly digest: string; readonly manifest: unknown }[];
}

/** What requirement 001 shows in place of a link to the next page, word for word: all links come in one answer. */
const NO_NEXT_PAGE = 'not implemented';

/**
 * How artifacts were discovered before OCI 1.1, in the three forms of the prototype. They show the artifacts themselves, so
 * a trust policy leaves out what it would refuse as a manifest.
 */
@Controller()
@UseFilters(OciErrorFilter)
export class PrototypeController {
  constructor(
    private readonly source: DataSource,
    private readonly gate: Gate,
    private readonly fallbacks: RenderedFallbacks,
    private readonly trust: TrustGate,
  ) {}

  @Get('v2/_ext/oci-artifacts/v1/:name/manifests/:reference/links')
  async links(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { reference } = request.params as { reference: string };
    const types = queryTypes(request, 'artifact-type');
    if (types.length === 0)
      throw invalid('manifest link artifact type is not specified', 'artifact-type', 'ARTIFACT_TYPE_UNSPECIFIED');
    const { artifacts } = await this.find({ request, reply }, name, reference, types);
    sendJson(reply, 200, {
      [looksLikeDigest(reference) ? 'digest' : 'tag']: reference,
      links: artifacts.map(({ manifest }) => manifest),
      nextLink: NO_NEXT_PAGE,
    });
  }

  @Get('v2/_ext/oci-artifacts/v1/:name/manifests/:reference/references')
  async references(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('name') name: string,
  ): Promise<void> {
    const { reference } = request.params as { reference: string };
    const types = queryTypes(request, 'artifact-type');
    const { artifacts } = await this.find({ request, reply }, name, reference, types);
    sendJson(reply, 200, {
      [looksLikeDigest(reference) ? 'digest' : 'tag']: reference,
      references: artifacts,
      links: artifacts,
      nextLink: NO_NEXT_PAGE,
    });
  }

  @Get('v2/_ext/oci-artifacts/v1-rc1/:name/manifests/:reference/referrers')
  async referrers(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('name') name: string,
  ): Promise<void> {
    const { reference } = request.params as { reference: string };
    const types = queryTypes(request, 'referenceType');
    const { target, artifacts } = await this.find({ request, reply }, name, reference, types);
    sendJson(reply, 200, { digest: target.digest, references: artifacts });
  }

  private async find(
    exchange: { request: FastifyRequest; reply: FastifyReply },
    name: string,
    reference: string,
    types: readonly string[],
  ): Promise<Found> {
    const { served } = await this.gate.enterServed(exchange, { name, action: 'pull' });
    const view = viewOf(served);
    const target = await readManifest(this.fallbacks, view, reference);
    if (!target) throw manifestUnknown(reference);
    const { referrers: wanted, more } = await findReferrers(this.source, view, target.digest, { types });
    if (more) throw tooMany();
    const bytes = await readManifestBytes(
      this.source,
      wanted.map(({ id }) => id),
    );
    const artifacts: { digest: string; manifest: unknown }[] = [];
    for (const each of wanted) {
      const found = { ...each, bytes: bytes.get(each.id)! };
      if ((await this.trust.decide(served, found, each.digest))?.allowed === false) continue;
      artifacts.push({ digest: each.digest, manifest: JSON.parse(found.bytes.toString('utf8')) });
    }
    return { target, artifacts };
  }
}

const tooMany = () =>
  new DomainError('too-large', 'SIZE_INVALID', 'There are too many artifacts for one answer; list them as referrers.');
