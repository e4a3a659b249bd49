import { Controller, Delete, Get, Head, Inject, Param, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { deleteBlob } from '#content/push/delete-content.js';
import { findBlob, type FoundBlob } from '#content/read/find-manifest.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { inTransaction } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';
import { TrustGate } from '#signing/gate/trust-gate.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { BlobFetcher } from '#transfer/sync/blob-fetcher.js';
import { type Exchange, Gate } from '../access/gate.js';
import { sendEmpty, sendStream } from '../http/answer.js';
import { etagOf } from '../http/conditions.js';
import { OciErrorFilter } from '../http/oci-error.js';
import { requireDigest } from '../http/require-digest.js';
import { PushTargets } from './push-target.js';
import { serveBlob } from './serve-blob.js';
import { viewOf } from './view.js';

/** Blobs by digest, also below the content path of Pulp. */
@Controller()
@UseFilters(OciErrorFilter)
export class BlobsController {
  constructor(
    private readonly source: DataSource,
    private readonly gate: Gate,
    private readonly targets: PushTargets,
    private readonly fetcher: BlobFetcher,
    private readonly trust: TrustGate,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  @Head(['v2/:name/blobs/:digest', 'pulp/container/:name/blobs/:digest'])
  head(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    return this.get(request, reply, name);
  }

  @Get(['v2/:name/blobs/:digest', 'pulp/container/:name/blobs/:digest'])
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { digest } = request.params as { digest: string };
    const visit = await this.gate.enterServed({ request, reply }, { name, action: 'pull' });
    const { served } = visit;
    requireDigest(digest);
    const blob = await findBlob(this.source, viewOf(served), digest);
    if (!blob) throw blobUnknown(digest);
    if (served.trustPolicyId !== null && !(await this.gate.pushes(visit))) await this.trust.demandBlob(served, blob);
    if (!blob.stored) return this.sendFromUpstream({ request, reply }, blob);
    const { s3Redirect: redirect, offload, idleTimeout } = this.config;
    await serveBlob(this.store, { request, reply }, blob, {
      redirect,
      offload,
      stalledMs: idleTimeout * 1000,
    });
  }

  /** Bytes that are still upstream: sent as they come, and kept unless the remote only streams. */
  private async sendFromUpstream({ request, reply }: Exchange, blob: FoundBlob): Promise<void> {
    const headers = {
      'Content-Type': 'application/octet-stream',
      'Content-Length': blob.size,
      'Docker-Content-Digest': blob.digest,
      ETag: etagOf(blob.digest),
    };
    if (request.method === 'HEAD') return sendEmpty(reply, 200, headers);
    sendStream(reply, 200, await this.fetcher.fetch(blob), headers);
  }

  @Delete('v2/:name/blobs/:digest')
  async remove(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { digest } = request.params as { digest: string };
    const { served } = await this.gate.enterServed({ request, reply }, { name, action: 'delete' });
    requireDigest(digest);
    const repositoryId = this.targets.existing(served);
    await inTransaction(this.source, (tx) => deleteBlob(tx, repositoryId, digest));
    sendEmpty(reply, 202);
  }
}

const blobUnknown = (digest: string) => notFound('Blob not found.', 'BLOB_UNKNOWN', { digest });
