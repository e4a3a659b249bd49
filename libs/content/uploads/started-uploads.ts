import type { DataSource } from 'typeorm';
import type { DigestAlgorithm } from '#oci/digest.js';
import { makeSessionId, readSessionId, type UploadOwner } from './session-id.js';
import { openUpload, type UploadKey } from './upload-sessions.js';

/** Milliseconds that a session without bytes counts as open: its next request may have gone to another process. */
const NOTED_MS = 60_000;
/** Most sessions of one principal that are noted in memory; it never is more than half of those he may have. */
const MOST_NOTED = 256;

/** How long sessions last, and how many there may be. */
export interface StartLimits {
  /** Seconds that a session stands open without a byte. */
  readonly ttlSeconds: number;
  /** Most open sessions of a principal. */
  readonly most: number;
}

/**
 * Starts upload sessions. One takes a row when its first bytes come, since most are closed by the request after the one
 * that started them; who has started many that nothing came for gets rows at once, and they are counted.
 */
export class StartedUploads {
  /** In the order in which they were started. */
  readonly #noted = new Map<string, { readonly principal: string; readonly at: number }>();
  readonly #counts = new Map<string, number>();

  /** `secrets` gives those that sign ids, the current one first, and looks for new ones when it is asked to. */
  constructor(
    private readonly source: DataSource,
    private readonly secrets: (anew?: boolean) => Promise<readonly string[]>,
    private readonly limits: StartLimits,
  ) {}

  /** Starts a session and gives its id; throws TOOMANYREQUESTS when its owner has too many open ones. */
  async start(owner: UploadOwner, algorithm: DigestAlgorithm = 'sha256'): Promise<string> {
    const [secret] = await this.secrets();
    const id = makeSessionId(secret!, owner, algorithm);
    this.#forgetOld();
    const noted = this.#counts.get(owner.principal) ?? 0;
    if (noted < Math.min(MOST_NOTED, this.limits.most / 2)) this.#note(id, owner.principal);
    else await openUpload(this.source, { ...owner, id }, algorithm, this.limits.most, noted);
    return id;
  }

  /** What a session is looked up by when somebody comes with its id. */
  async keyOf(id: string, owner: UploadOwner): Promise<UploadKey> {
    const start = readSessionId(await this.secrets(), id, owner) ?? readSessionId(await this.secrets(true), id, owner);
    if (start) this.#forget(id);
    const lives = start && Date.now() - start.at < this.limits.ttlSeconds * 1000;
    return { ...owner, id, ...(lives ? { started: start.algorithm } : {}) };
  }

  #note(id: string, principal: string): void {
    this.#noted.set(id, { principal, at: Date.now() });
    this.#counts.set(principal, (this.#counts.get(principal) ?? 0) + 1);
  }

  #forget(id: string): void {
    const { principal } = this.#noted.get(id) ?? {};
    if (principal === undefined) return;
    this.#noted.delete(id);
    const left = this.#counts.get(principal)! - 1;
    if (left > 0) this.#counts.set(principal, left);
    else this.#counts.delete(principal);
  }

  #forgetOld(): void {
    const before = Date.now() - NOTED_MS;
    for (const [id, { at }] of this.#noted) {
      if (at > before) return;
      this.#forget(id);
    }
  }
}
