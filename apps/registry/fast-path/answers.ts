import { LRUCache } from 'lru-cache';
import type { Place } from './place.js';

/** How much the fast path may keep in memory. */
export interface AnswerLimits {
  /** Bytes of bodies. */
  readonly bodyBytes: number;
  /** Bytes of URLs and headers. */
  readonly headBytes: number;
  /** Largest body that is kept. */
  readonly largestBody: number;
}

const LIMITS: AnswerLimits = { bodyBytes: 48 * 1024 * 1024, headBytes: 16 * 1024 * 1024, largestBody: 2 * 1024 * 1024 };
/** About what an entry costs besides its strings. */
const ENTRY_BYTES = 1024;
const SMALL_BODY = 8192;

/** Header names and values one after the other, as `writeHead` takes them. */
export type FlatHeaders = readonly string[];

/** What a URL is answered with as long as its place has this version. */
export interface Answer {
  readonly place: Place;
  readonly version: number;
  /** When it has to be made again, by `performance.now()`, since it depends on the time of day too. */
  readonly until?: number | undefined;
  readonly headers: FlatHeaders;
  /** What the body is kept under: a digest, or the URL of a list. */
  readonly bodyKey: string;
  /** For content that has an entity tag. */
  readonly digest?: string | undefined;
  readonly etag?: string | undefined;
  readonly unchanged?: FlatHeaders | undefined;
  /** Size of a blob: parts of it may be asked for, and somebody else may send it. */
  readonly blobSize?: number | undefined;
  /** A blob that is read from the store each time; bodies of others are in memory. */
  readonly isStreamed?: boolean;
}

/** Nothing plain: the slow path answers while the place has this version. */
export interface NoAnswer {
  readonly place: Place;
  readonly version: number;
  readonly until?: undefined;
  readonly headers: undefined;
}

/** Answers by raw URL and their bodies by content, both bounded by bytes. Bodies are kept once, however many tags lead to them. */
export class Answers {
  private readonly heads: LRUCache<string, Answer | NoAnswer>;
  private readonly bodies: LRUCache<string, Buffer | string>;

  constructor(readonly limits: AnswerLimits = LIMITS) {
    this.heads = new LRUCache({
      maxSize: limits.headBytes,
      sizeCalculation: (_answer, url) => ENTRY_BYTES + url.length,
    });
    this.bodies = new LRUCache({
      maxSize: limits.bodyBytes,
      sizeCalculation: (body, key) => 256 + key.length + body.length,
    });
  }

  get(url: string): Answer | NoAnswer | undefined {
    return this.heads.get(url);
  }

  set(url: string, answer: Answer | NoAnswer): void {
    this.heads.set(url, answer);
  }

  /** A body to be sent as latin1: small ones are strings, which leave in one piece with the head. */
  body(key: string): Buffer | string | undefined {
    return this.bodies.get(key);
  }

  /** Keeps a body in memory of exactly its size, so that no pool is held by it. */
  keepBody(key: string, body: Buffer): void {
    this.bodies.set(key, body.length <= SMALL_BODY ? body.toString('latin1') : exactCopy(body));
  }

  /** Bytes that are counted now. */
  get bytes(): number {
    return this.heads.calculatedSize + this.bodies.calculatedSize;
  }
}

function exactCopy(body: Buffer): Buffer {
  const exact = Buffer.allocUnsafeSlow(body.length);
  body.copy(exact);
  return exact;
}
