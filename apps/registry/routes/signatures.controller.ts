import { Controller, Get, Head, Inject, Param, Put, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { findByDigest } from '#content/read/find-manifest.js';
import { listSimpleSignatures } from '#content/read/find-simple-signatures.js';
import { isDigest } from '#oci/digest.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { pushSignature, SIGNATURE_LIMIT } from '#signing/push/push-signature.js';
import { Gate } from '../access/gate.js';
import { sendEmpty, sendJson } from '../http/answer.js';
import { OciErrorFilter } from '../http/oci-error.js';
import { readBody } from '../http/request-body.js';
import { PushTargets } from './push-target.js';
import { manifestUnknown } from './read-manifest.js';
import { Upstream } from './upstream.js';
import { viewOf } from './view.js';

/** The extension by which podman and skopeo read and write simple signatures. */
@Controller()
@UseFilters(OciErrorFilter)
export class SignaturesController {
  constructor(
    private readonly source: DataSource,
    private readonly gate: Gate,
    private readonly targets: PushTargets,
    private readonly upstream: Upstream,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  @Head('extensions/v2/:name/signatures/:digest')
  head(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    return this.list(request, reply, name);
  }

  @Get('extensions/v2/:name/signatures/:digest')
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { digest } = request.params as { digest: string };
    const { served } = await this.gate.enterServed({ request, reply }, { name, action: 'pull' });
    const view = viewOf(served);
    if (!isDigest(digest) || !(await findByDigest(this.source, view, digest))) throw manifestUnknown(digest);
    await this.upstream.refreshSignatures({ request, reply }, name, digest);
    const found = await listSimpleSignatures(this.source, view, digest);
    const signatures = found.map((each) => ({
      schemaVersion: 2,
      type: 'atomic',
      name: each.name,
      content: each.bytes.toString('base64'),
    }));
    sendJson(reply, 200, { signatures });
  }

  @Put('extensions/v2/:name/signatures/:digest')
  async put(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { digest } = request.params as { digest: string };
    const { served } = await this.gate.enterServed({ request, reply }, { name, action: 'push' });
    const repositoryId = this.targets.existing(served);
    if (!isDigest(digest) || !(await findByDigest(this.source, viewOf(served), digest))) throw manifestUnknown(digest);
    const body = await readBody(request, { bytes: SIGNATURE_LIMIT, idleMs: this.config.idleTimeout * 1000 });
    await pushSignature(this.source, repositoryId, digest, body);
    sendEmpty(reply, 201, { Location: `/extensions/v2/${name}/signatures/${digest}` });
  }
}
