import { Controller, Get, Head, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { findByDigest } from '#content/read/find-manifest.js';
import { findSimpleSignature } from '#content/read/find-simple-signatures.js';
import { isDigest } from '#oci/digest.js';
import { notFound } from '#platform/domain-error.js';
import { Gate } from '../access/gate.js';
import { sendBytes } from '../http/answer.js';
import { OciErrorFilter } from '../http/oci-error.js';
import { Upstream } from './upstream.js';
import { viewOf } from './view.js';

/** Readers take 128 signatures or more for a broken server. */
const MOST = 127;

/** Simple signatures as the files of a lookaside: `<name>@sha256=<hex>/signature-1`, 2, 3 and so on, read-only. */
@Controller()
@UseFilters(OciErrorFilter)
export class LookasideController {
  constructor(
    private readonly source: DataSource,
    private readonly gate: Gate,
    private readonly upstream: Upstream,
  ) {}

  @Head('lookaside/:image/:file')
  head(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.read(request, reply);
  }

  @Get('lookaside/:image/:file')
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { image, file } = request.params as { image: string; file: string };
    const at = image.indexOf('@');
    const name = at < 0 ? image : image.slice(0, at);
    const digest = image.slice(at + 1).replace('=', ':');
    const number = Number(/^signature-([1-9]\d{0,3})$/.exec(file)?.[1]);
    const { served } = await this.gate.enterServed({ request, reply }, { name, action: 'pull' });
    const view = viewOf(served);
    if (!isDigest(digest) || !(number <= MOST) || !(await findByDigest(this.source, view, digest))) throw noFile();
    await this.upstream.refreshSignatures({ request, reply }, name, digest);
    const signature = await findSimpleSignature(this.source, view, digest, number);
    if (!signature) throw noFile();
    sendBytes(reply, 200, 'application/octet-stream', signature.bytes);
  }
}

const noFile = () => notFound('There is no such signature.', 'MANIFEST_UNKNOWN');
