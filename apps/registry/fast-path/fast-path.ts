import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DataSource } from 'typeorm';
import { AccessChanges } from '#access/access-changes.js';
import { Authenticator } from '#access/authenticator.js';
import type { RobotPrincipal, UserPrincipal } from '#access/principal.js';
import { permits } from '#access/token-claims.js';
import { TokenVerifier, type VerifiedToken } from '#access/token-verifier.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { TrustGate } from '#signing/gate/trust-gate.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { Gate } from '../access/gate.js';
import { cutWhenStalled } from '../../stalled-readers.js';
import { sendStored, wholeOf } from '../bytes/send-stored.js';
import { matchesEntityTag } from '../http/conditions.js';
import { type Answer, Answers } from './answers.js';
import { parseFastTarget, type FastTarget } from './fast-target.js';
import { HotParts } from './hot-parts.js';
import { loadAnswer } from './load-answer.js';
import type { Place } from './place.js';
import { Places } from './places.js';
import { cut, partOfAnswer, type PartOfAnswer } from './part-of-answer.js';
import type { Read, Reply } from './known-reads.js';
import type { FirstHandler, RequestHandler } from './registry-server.js';
import { doubtAfterWriting } from './written.js';

const OFFLOAD = 'x-accel-offload';
const BEARER = /^bearer\s/i;
const BASIC = /^basic\s/i;

type Caller = VerifiedToken | UserPrincipal | RobotPrincipal;

/**
 * Answers plain reads in front of the framework: known credentials, a known place, a known answer. A hit asks no database.
 * A miss is read by the functions that the controllers use and answered here when the result is plain; everything else,
 * every refusal included, is the controllers'.
 */
@Injectable()
export class FastPath implements FirstHandler {
  readonly answers = new Answers();
  /**
   * Requests that were answered from memory, after reading, and by the framework although they were looked at; `repeats` are
   * hits that were not even parsed.
   */
  readonly counts = { hits: 0, repeats: 0, misses: 0, passed: 0 };
  private readonly flights = new Map<string, Promise<Answer | undefined>>();
  private readonly redirects: boolean;
  private readonly hot: HotParts;

  constructor(
    readonly source: DataSource,
    readonly places: Places,
    readonly changes: AccessChanges,
    private readonly authenticator: Authenticator,
    private readonly verifier: TokenVerifier,
    private readonly gate: Gate,
    readonly trust: TrustGate,
    @Inject(BLOB_STORE) readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {
    this.hot = new HotParts(store);
    this.redirects = config.s3Redirect && store.redirectUrl !== undefined;
  }

  handle(request: IncomingMessage, response: ServerResponse, next: RequestHandler): boolean {
    const { method } = request;
    const url = request.url!;
    if (method !== 'GET' && method !== 'HEAD') {
      doubtAfterWriting(this, url, response);
      return false;
    }
    if (!this.places.reliable || hasBody(request)) return false;
    const known = this.known(request);
    if (known === 'elsewhere') return false;
    if (known !== undefined && this.send(request, response, known, next)) {
      this.counts.hits += 1;
      return true;
    }
    const target = parseFastTarget(url);
    if (!target || this.isElsewhere(request, target.kind === 'blob')) return false;
    void this.miss(request, response, target, next);
    return true;
  }

  recall(read: Read): Reply | undefined {
    const known = this.places.reliable ? this.known(read) : undefined;
    const reply = known === undefined || known === 'elsewhere' ? undefined : this.reply(read, known);
    if (reply) {
      this.counts.hits += 1;
      this.counts.repeats += 1;
    }
    return reply;
  }

  /** What a read that may be answered is answered with, when that is known; nothing plain is somebody else's. */
  private known(read: Read): Answer | 'elsewhere' | undefined {
    const known = this.answers.get(read.url!);
    if (known === undefined) return undefined;
    const { place } = known;
    const now = performance.now();
    if (known.version !== place.version || !place.isFresh(now)) return undefined;
    if (known.until !== undefined && now >= known.until) return undefined;
    place.used = true;
    if (known.headers === undefined || this.isElsewhere(read, known.blobSize !== undefined)) return 'elsewhere';
    return this.admits(place, read.headers.authorization, now) ? known : undefined;
  }

  /** What goes out from memory; undefined when the bytes are not there or something is asked for that is not plain. */
  private reply({ headers, method }: Read, answer: Answer): Reply | undefined {
    const { etag } = answer;
    if (etag !== undefined) {
      const condition = headers['if-none-match'];
      if (condition !== undefined && (condition === etag || matchesEntityTag(condition, answer.digest!)))
        return { status: 304, headers: answer.unchanged! };
    }
    if (method === 'HEAD') return { status: 200, headers: answer.headers };
    const part = partOfAnswer(answer, headers);
    const body = part && this.bodyOf(answer, part);
    return body === undefined ? undefined : { ...part!, body };
  }

  private bodyOf(answer: Answer, { range }: PartOfAnswer): Buffer | string | undefined {
    if (answer.isStreamed) return this.hot.get(answer.digest!, range ?? wholeOf(answer.blobSize!));
    const body = this.answers.body(answer.bodyKey);
    return body === undefined ? undefined : cut(body, range);
  }

  /** Answers, unless the request asks for something that is not plain or the body has been dropped. */
  private send(request: IncomingMessage, response: ServerResponse, answer: Answer, next: RequestHandler): boolean {
    const reply = this.reply(request, answer);
    if (reply) {
      response.writeHead(reply.status, reply.headers as string[]);
      response.end(reply.body, 'latin1');
      return true;
    }
    const part = answer.isStreamed ? partOfAnswer(answer, request.headers) : undefined;
    if (!part) return false;
    this.stream(response, answer, part).catch(() => next(request, response));
    return true;
  }

  /** Sends a blob from the store; throws when nothing has been sent yet. */
  private async stream(response: ServerResponse, answer: Answer, part: PartOfAnswer): Promise<void> {
    const { digest, blobSize } = answer;
    const range = part.range ?? wholeOf(answer.blobSize!);
    const begin = () => {
      cutWhenStalled(response, this.config.idleTimeout * 1000);
      response.writeHead(part.status, part.headers as string[]);
    };
    if (this.hot.wants(digest!, range)) {
      const bytes = await this.hot.read(digest!, range, blobSize!);
      begin();
      response.end(bytes);
      return;
    }
    await sendStored(this.store, { digest: digest!, size: blobSize! }, range, response, begin);
  }

  private async miss(
    request: IncomingMessage,
    response: ServerResponse,
    target: FastTarget,
    next: RequestHandler,
  ): Promise<void> {
    const answer = await this.find(request, target).catch(() => undefined);
    if (answer && this.send(request, response, answer, next)) this.counts.misses += 1;
    else {
      this.counts.passed += 1;
      next(request, response);
    }
  }

  private async find(request: IncomingMessage, target: FastTarget): Promise<Answer | undefined> {
    const { authorization } = request.headers;
    if (authorization !== undefined && !this.callerOf(authorization)) return undefined;
    const place = await this.places.current(target.name);
    if (!place) return undefined;
    const admitted = this.admits(place, authorization, performance.now()) || (await this.decide(place, authorization));
    return admitted ? this.load(place, target, request.url!) : undefined;
  }

  /** Readers of one URL share a reading, but never one that began under another version of the place. */
  private load(place: Place, target: FastTarget, url: string): Promise<Answer | undefined> {
    const { version } = place;
    const key = `${version} ${url}`;
    const running = this.flights.get(key);
    if (running) return running;
    const flight = loadAnswer(this, place, target, url)
      .then((answer) => {
        this.answers.set(url, answer ?? { place, version, headers: undefined });
        return answer;
      })
      .finally(() => this.flights.delete(key));
    this.flights.set(key, flight);
    return flight;
  }

  /** Several parts of a blob at once, and blobs that the store or a proxy sends, are not answered here. */
  private isElsewhere({ method, headers }: Read, isBlob: boolean): boolean {
    if (!isBlob || method === 'HEAD') return false;
    return (
      this.redirects || headers.range?.includes(',') === true || (this.config.offload && headers[OFFLOAD] !== undefined)
    );
  }

  /** Rises with each change of anybody's rights. */
  private get era(): number {
    return this.changes.epoch('grants');
  }

  /** True when it is known that the caller may read the place. */
  private admits(place: Place, authorization: string | undefined, now: number): boolean {
    if (authorization === undefined) return place.isPublic;
    const caller = this.callerOf(authorization);
    if (!caller || !isInToken(caller, place.name)) return false;
    return place.isPublic || place.admits(caller, this.era, now);
  }

  /** Whoever sent the credentials of a request, when that is known already; the same object until he changes. */
  private callerOf(authorization: string): Caller | undefined {
    if (BEARER.test(authorization)) return this.verifier.peek(authorization);
    return BASIC.test(authorization) ? this.authenticator.peek(authorization) : undefined;
  }

  private async decide(place: Place, authorization: string | undefined): Promise<boolean> {
    const { era } = this;
    const { target, version } = place;
    const caller = authorization === undefined ? undefined : this.callerOf(authorization);
    if (!caller || !target || !isInToken(caller, place.name)) return false;
    const principal = 'claims' in caller ? caller.principal : caller;
    if (!(await this.gate.rights.may(principal, target, 'pull')) || place.version !== version) return false;
    place.admit(caller, era, performance.now());
    return true;
  }
}

function isInToken(caller: Caller, name: string): boolean {
  return !('claims' in caller) || permits(caller.claims, 'repository', name, 'pull');
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}
