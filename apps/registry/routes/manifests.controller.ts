import { Controller, Delete, Get, Head, Inject, Param, Put, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { deleteManifest, deleteTag } from '#content/push/delete-content.js';
import { RenderedFallbacks } from '#content/read/rendered-fallbacks.js';
import { looksLikeDigest } from '#oci/digest.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { inTransaction } from '#platform/database.js';
import { isDomainError } from '#platform/domain-error.js';
import { TrustGate } from '#signing/gate/trust-gate.js';
import { pushManifest } from '#signing/push/push-manifest.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { Gate } from '../access/gate.js';
import { sendBytes, sendEmpty } from '../http/answer.js';
import { etagOf, expectedOf, isUnchanged } from '../http/conditions.js';
import { OciErrorFilter } from '../http/oci-error.js';
import { queryValues } from '../http/query.js';
import { requireDigest } from '../http/require-digest.js';
import { pushedContentType, readBody, refuseEncodedBody } from '../http/request-body.js';
import { PushTargets } from './push-target.js';
import { manifestUnknown, readManifest } from './read-manifest.js';
import { Upstream } from './upstream.js';
import { viewOf } from './view.js';

/** Manifests by tag and by digest. */
@Controller()
@UseFilters(OciErrorFilter)
export class ManifestsController {
  constructor(
    private readonly source: DataSource,
    private readonly gate: Gate,
    private readonly targets: PushTargets,
    private readonly trust: TrustGate,
    private readonly upstream: Upstream,
    private readonly fallbacks: RenderedFallbacks,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  @Head('v2/:name/manifests/:reference')
  head(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    return this.get(request, reply, name);
  }

  @Get('v2/:name/manifests/:reference')
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { reference } = request.params as { reference: string };
    await this.upstream.refresh({ request, reply }, name, reference);
    const visit = await this.gate.enterServed({ request, reply }, { name, action: 'pull' });
    const { served } = visit;
    const found = await readManifest(this.fallbacks, viewOf(served), reference);
    if (!found) throw manifestUnknown(reference);
    // Whoever may push must be able to read what is to be signed.
    const signs = served.trustPolicyId !== null && (await this.gate.pushes(visit));
    const decision = signs ? undefined : await this.trust.demand(served, found, reference);
    const headers = {
      Warning:
        decision?.reason === undefined
          ? undefined
          : `299 - "not trusted: ${decision.policy.replaceAll(/[^\w .-]/g, '')}"`,
      'Docker-Content-Digest': found.digest,
      ETag: etagOf(found.digest),
      'Cache-Control': 'no-cache, no-transform',
    };
    if (isUnchanged(request, found.digest)) return sendEmpty(reply, 304, headers);
    sendBytes(reply, 200, found.mediaType, found.bytes, headers);
  }

  @Put('v2/:name/manifests/:reference')
  async put(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { reference } = request.params as { reference: string };
    const visit = await this.gate.enter({ request, reply }, { name, action: 'push' });
    refuseEncodedBody(request);
    const bytes = await readBody(request, {
      bytes: this.config.manifestLimit,
      idleMs: this.config.idleTimeout * 1000,
    });
    const repositoryId = await this.targets.repositoryFor(visit);
    const pushed = await pushManifest(
      { source: this.source, store: this.store, view: { repositoryId, pinned: null } },
      {
        bytes,
        contentType: pushedContentType(request),
        reference,
        tags: looksLikeDigest(reference) ? queryValues(request, 'tag') : [],
        expected: expectedOf(request),
      },
    );
    const confirmed = looksLikeDigest(reference) && pushed.tags.length > 0 ? pushed.tags : undefined;
    sendEmpty(reply, 201, {
      Location: `/v2/${name}/manifests/${pushed.digest}`,
      'Docker-Content-Digest': pushed.digest,
      ETag: etagOf(pushed.digest),
      'OCI-Subject': pushed.subject,
      'OCI-Tag': confirmed,
    });
  }

  @Delete('v2/:name/manifests/:reference')
  async remove(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { reference } = request.params as { reference: string };
    const { served } = await this.gate.enterServed({ request, reply }, { name, action: 'delete' });
    const repositoryId = this.targets.existing(served);
    if (looksLikeDigest(reference)) requireDigest(reference);
    try {
      await inTransaction(this.source, (tx) =>
        looksLikeDigest(reference)
          ? deleteManifest(tx, repositoryId, reference)
          : deleteTag(tx, repositoryId, reference, expectedOf(request)),
      );
    } catch (error) {
      // Who keeps an index of referrers tidies it up with the last of them: one that was never stored goes with it anyway.
      const unknown = isDomainError(error) && error.code === 'MANIFEST_UNKNOWN';
      if (!unknown || !(await this.fallbacks.byDigest({ repositoryId, pinned: null }, reference))) throw error;
    }
    sendEmpty(reply, 202);
  }
}
