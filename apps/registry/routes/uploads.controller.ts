import { Controller, Delete, Get, Head, Inject, Param, Patch, Post, Put, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { TokenKeys } from '#access/token-keys.js';
import { mountBlob, pathsWithBlob } from '#content/uploads/mount-blob.js';
import { StartedUploads } from '#content/uploads/started-uploads.js';
import { appendToUpload, closeUpload, offsetOf, receiveBlob, type Receiving } from '#content/uploads/receive-blob.js';
import { cancelUpload, findOpenUpload, type UploadKey, uploadUnknown } from '#content/uploads/upload-sessions.js';
import { type DigestAlgorithm, isDigest } from '#oci/digest.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { invalid, isDomainError } from '#platform/domain-error.js';
import { isUuid } from '#platform/identifiers.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { type Exchange, Gate, principalKey, type Visit } from '../access/gate.js';
import { sendEmpty } from '../http/answer.js';
import { clientOrigin } from '../http/client-origin.js';
import { chunkOf } from '../http/content-range.js';
import { OciErrorFilter } from '../http/oci-error.js';
import { queryValue, queryValues } from '../http/query.js';
import { setHeaders } from '../http/registry-headers.js';
import { refuseEncodedBody } from '../http/request-body.js';
import { requireDigest } from '../http/require-digest.js';
import { PushTargets } from './push-target.js';

/** Who sends fewer in the time after which an idle connection is cut is idle too. */
const IDLE_BYTES = 1024;

/** Blob uploads: sessions, single requests and mounts. */
@Controller()
@UseFilters(OciErrorFilter)
export class UploadsController {
  private readonly receiving: Receiving;
  private readonly started: StartedUploads;

  constructor(
    private readonly source: DataSource,
    private readonly gate: Gate,
    private readonly targets: PushTargets,
    keys: TokenKeys,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {
    const limits = {
      idleMs: config.idleTimeout * 1000,
      idleBytes: IDLE_BYTES,
      ownsChunks: true,
      ...(config.blobLimit > 0 ? { maxTotal: config.blobLimit } : {}),
    };
    this.receiving = { source, store, limits, mostOpen: config.openUploads };
    this.started = new StartedUploads(source, (anew) => keys.uploadSecrets(anew), {
      ttlSeconds: Math.min(config.uploadTtl, config.uploadLife),
      most: config.openUploads,
    });
  }

  @Post('v2/:name/blobs/uploads/')
  async start(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const mount = queryValue(request, 'mount');
    const from = queryValues(request, 'from').slice(0, 1);
    const wish = { name, action: 'push', ...(mount === undefined ? {} : { from }) } as const;
    const visit = await this.gate.enter({ request, reply }, wish);
    const repositoryId = await this.targets.repositoryFor(visit);
    if (mount !== undefined && isDigest(mount) && (await this.mounted(visit, repositoryId, mount, from[0])))
      return this.created(reply, name, mount);
    const digest = mount === undefined ? queryValue(request, 'digest') : undefined;
    if (digest !== undefined) {
      refuseEncodedBody(request);
      const chunk = chunkOf(request);
      requireDigest(digest);
      if (chunk.length !== 0 || digest.endsWith(EMPTY_SHA256) || digest.endsWith(EMPTY_SHA512)) {
        await receiveBlob(this.receiving, repositoryId, digest, chunk);
        return this.created(reply, name, digest);
      }
    }
    const owner = { repositoryId, principal: principalKey(visit) };
    const id = await this.started.start(owner, algorithmIn(request, digest));
    sendEmpty(reply, 202, this.progress(reply, name, id, 0));
  }

  @Head('v2/:name/blobs/uploads/:id')
  headStatus(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    return this.status(request, reply, name);
  }

  @Get('v2/:name/blobs/uploads/:id')
  async status(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const { id } = await findOpenUpload(this.source, await this.key({ request, reply }, name));
    sendEmpty(reply, 204, this.progress(reply, name, id, await offsetOf(this.receiving, id)));
  }

  @Patch('v2/:name/blobs/uploads/:id')
  async append(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const key = await this.key({ request, reply }, name);
    refuseEncodedBody(request);
    const offset = await this.tellingOffset(reply, name, key, () =>
      appendToUpload(this.receiving, key, chunkOf(request)),
    );
    sendEmpty(reply, 202, this.progress(reply, name, key.id, offset));
  }

  @Put('v2/:name/blobs/uploads/:id')
  async close(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const key = await this.key({ request, reply }, name);
    refuseEncodedBody(request);
    const digest = queryValue(request, 'digest') ?? '';
    requireDigest(digest);
    await this.tellingOffset(reply, name, key, () => {
      const chunk = chunkOf(request);
      return closeUpload(
        this.receiving,
        key,
        digest,
        chunk.length === 0 && chunk.start === undefined ? undefined : chunk,
      );
    });
    this.created(reply, name, digest);
  }

  @Delete('v2/:name/blobs/uploads/:id')
  async cancel(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('name') name: string): Promise<void> {
    const key = await this.key({ request, reply }, name);
    await findOpenUpload(this.source, key);
    if (!(await cancelUpload(this.source, key))) throw uploadUnknown();
    await this.store.staging(key.id).discard();
    sendEmpty(reply, 204);
  }

  /** The upload that a request of somebody who may push is about. */
  private async key(exchange: Exchange, name: string): Promise<UploadKey> {
    const { id } = exchange.request.params as { id: string };
    const visit = await this.gate.enterServed(exchange, { name, action: 'push' });
    if (!isUuid(id)) throw uploadUnknown();
    const owner = { repositoryId: this.targets.existing(visit.served), principal: principalKey(visit) };
    return this.started.keyOf(id.toLowerCase(), owner);
  }

  /** A refused chunk is answered with where the session stands, so that the client can go on. */
  private async tellingOffset<T>(
    reply: FastifyReply,
    name: string,
    { id }: { readonly id: string },
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isDomainError(error) && (error.kind === 'range' || error.code === 'SIZE_INVALID'))
        setHeaders(reply.raw, this.progress(reply, name, id, await offsetOf(this.receiving, id)));
      throw error;
    }
  }

  private async mounted(visit: Visit, repositoryId: string, digest: string, from?: string): Promise<boolean> {
    const known = from === undefined ? undefined : await this.gate.knownSource(visit, from);
    if (known !== undefined && (await mountBlob(this.source, repositoryId, digest, known))) return true;
    const candidates = await pathsWithBlob(this.source, digest, from);
    if (!(await this.gate.mayReadOne(visit, candidates))) return false;
    if (from !== undefined) await this.gate.learnSource(from);
    return mountBlob(this.source, repositoryId, digest);
  }

  private progress(reply: FastifyReply, name: string, id: string, offset: number) {
    return {
      // Clients add the digest to a query that is there already.
      Location: `${clientOrigin(this.config, reply)}/v2/${name}/blobs/uploads/${id}?_state=${offset}`,
      Range: `0-${Math.max(0, offset - 1)}`,
      'Docker-Upload-UUID': id,
    };
  }

  private created(reply: FastifyReply, name: string, digest: string): void {
    sendEmpty(reply, 201, { Location: `/v2/${name}/blobs/${digest}`, 'Docker-Content-Digest': digest });
  }
}

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const EMPTY_SHA512 =
  'cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e';

function algorithmIn(request: FastifyRequest, digest: string | undefined): DigestAlgorithm {
  const asked = queryValue(request, 'digest-algorithm') ?? digest?.split(':', 1)[0] ?? 'sha256';
  if (asked !== 'sha256' && asked !== 'sha512')
    throw invalid('The digest algorithm must be sha256 or sha512.', 'digest-algorithm', 'DIGEST_INVALID');
  return asked;
}
