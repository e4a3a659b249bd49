import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { DataSource } from 'typeorm';
import { findDistribution } from '#content/distributions/find-distribution.js';
import { findByDigest, findByTag } from '#content/read/find-manifest.js';
import type { Descriptor } from '#oci/descriptor.js';
import { looksLikeDigest } from '#oci/digest.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { DomainError, isDomainError, notFound } from '#platform/domain-error.js';
import { log } from '#platform/logger.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { RemoteRegistries } from '../remote-registry/remote-registries.js';
import { isGone } from '../remote-registry/upstream-error.js';
import { syncRepository } from '../sync/sync-repository.js';
import { ensureChild, findChild } from './ensure-child.js';
import { findRoute, type PullThroughRoute } from './find-route.js';

/** What a look upstream led to; afterwards the path is served like any other. */
export interface Refreshed {
  /** `current`: the upstream was asked. `cached`: it could not be, and what is here is served. */
  readonly state: 'current' | 'cached';
  readonly repositoryId: string;
}

/** Signatures of one image are looked for again after so long. */
const SIGNATURES_TTL = 60_000;

/** Fills paths below pull-through distributions from their upstream, when they are asked for. */
@Injectable()
export class PullThrough {
  private readonly flights = new Map<string, Promise<Refreshed>>();
  private readonly looked = new LRUCache<string, true>({ max: 10_000, ttl: SIGNATURES_TTL });

  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
    @Inject(RemoteRegistries) private readonly registries: RemoteRegistries,
  ) {}

  /** The upstream repository that a path stands for; undefined for paths of ordinary distributions and outside of any prefix. */
  async resolve(path: string): Promise<PullThroughRoute | undefined> {
    const route = await findRoute(this.source, path);
    if (!route) return undefined;
    const served = await findDistribution(this.source, path);
    return served && served.parentId === null ? undefined : route;
  }

  /**
   * Sees to it that a tag or digest is here as the upstream has it: one HEAD for a known tag, nothing for a known digest.
   * Requests for the same reference share one look. An upstream that is away is an error only when nothing is here.
   */
  refresh(route: PullThroughRoute, reference: string): Promise<Refreshed> {
    const key = `${route.path} ${reference}`;
    const flight = this.flights.get(key) ?? this.look(route, reference).finally(() => this.flights.delete(key));
    this.flights.set(key, flight);
    return flight;
  }

  /** Looks for new signatures of an image that is here; once a minute for each image, and quiet when the upstream is away. */
  async refreshSignatures(route: PullThroughRoute, digest: string): Promise<void> {
    const key = `${route.path} ${digest}`;
    if (this.looked.has(key)) return;
    this.looked.set(key, true);
    const child = await findChild(this.source, route);
    if (!child || !(await findByDigest(this.source, { repositoryId: child.repositoryId, pinned: null }, digest)))
      return;
    try {
      await this.take(route, digest);
    } catch (error) {
      if (!isDomainError(error)) throw error;
      log('warn', 'signatures could not be looked for upstream', { path: route.path, digest, error: error.message });
    }
  }

  private async look(route: PullThroughRoute, reference: string): Promise<Refreshed> {
    const child = await findChild(this.source, route);
    const here = child && (await this.digestHere(child.repositoryId, reference));
    if (child && here !== undefined && looksLikeDigest(reference))
      return { state: 'current', repositoryId: child.repositoryId };
    try {
      const registry = child ? this.registries.of(child.remote) : this.registries.of(route.remote, route.upstreamName);
      const upstream = await registry.resolve(reference);
      if (child && upstream.digest === here) return { state: 'current', repositoryId: child.repositoryId };
      return { state: 'current', repositoryId: await this.take(route, reference, upstream) };
    } catch (error) {
      if (!isDomainError(error)) throw error;
      if (child && here !== undefined) return { state: 'cached', repositoryId: child.repositoryId };
      throw asAnswer(route, reference, error);
    }
  }

  /** Brings one reference with its signatures; layers stay upstream until somebody pulls them. */
  private async take(route: PullThroughRoute, reference: string, upstream?: Descriptor): Promise<string> {
    const { repositoryId, remote } = await ensureChild(this.source, route);
    const parts = { source: this.source, store: this.store, config: this.config };
    await syncRepository(parts, {
      repositoryId,
      remote,
      registry: this.registries.of(remote),
      mirror: false,
      signedOnly: false,
      references: [reference],
      ...(upstream ? { resolved: new Map([[reference, upstream]]) } : {}),
      signal: new AbortController().signal,
      progress: () => undefined,
    });
    return repositoryId;
  }

  private async digestHere(repositoryId: string, reference: string): Promise<string | undefined> {
    const view = { repositoryId, pinned: null };
    const find = looksLikeDigest(reference) ? findByDigest : findByTag;
    return (await find(this.source, view, reference))?.digest;
  }
}

/** What a client is told of an upstream that has nothing, or does not answer. */
function asAnswer(route: PullThroughRoute, reference: string, error: DomainError): DomainError {
  if (isGone(error) || error.kind === 'forbidden' || error.kind === 'unauthenticated')
    return notFound(`The upstream has no ${route.upstreamName} ${reference} for us.`, 'MANIFEST_UNKNOWN', {
      reference,
    });
  if (error.kind === 'throttled' || error.kind === 'unavailable') return error;
  return new DomainError('unavailable', error.code, error.message, { cause: error, retryAfter: 10 });
}
