import type { RegistryTarget } from '#access/registry-rights.js';
import type { ServedPath } from '#content/distributions/find-distribution.js';
import type { KnownPath } from '#content/distributions/path-rights.js';

/** The longest that a place may be believed without having been read again. */
export const BELIEVED_MS = 1000;
/** The longest that a decision about somebody is kept. */
const VERDICT_MS = 5000;
const MOST_VERDICTS = 1000;

interface Verdict {
  readonly era: number;
  readonly until: number;
}

/**
 * What one repository name leads to: the only thing of the fast path that changes. Everything else hangs on its `version`,
 * which is a new number whenever a reader could see a difference.
 */
export class Place {
  /** Rises when what was read becomes doubtful; reads that began under an older epoch are worthless. */
  epoch = 0;
  /** The same for what no push changes: where it goes and what rights hang on. */
  pathEpoch = 0;
  /** Number of what is known; 0: nothing that may be served. */
  version = 0;
  /** When the reading began that says so, in milliseconds of `performance.now()`. */
  checkedAt = Number.NEGATIVE_INFINITY;
  /** Asked for since the last background reading. */
  used = false;
  isPublic = false;
  distributionId: string | undefined;
  repositoryId: string | undefined;
  target: RegistryTarget | undefined;
  served: ServedPath | undefined;
  private state = '';
  private known: { readonly path: KnownPath; readonly since: number } | undefined;
  private readonly verdicts = new Map<object, Verdict>();

  constructor(readonly name: string) {}

  /** True while it may be answered from. */
  isFresh(now: number): boolean {
    return this.version !== 0 && now - this.checkedAt < BELIEVED_MS;
  }

  /** True while it is known that only the slow path serves it. */
  isElsewhere(now: number): boolean {
    return this.version === 0 && now - this.checkedAt < BELIEVED_MS;
  }

  /** What stands here, for those who push; undefined when it has to be read. What it says of the content may be old. */
  path(now: number): KnownPath | undefined {
    return this.known && now - this.known.since < BELIEVED_MS ? this.known.path : undefined;
  }

  /** Takes in what was read for those who push. Only plain paths without a trust policy are kept. */
  learnPath(path: KnownPath, since: number): void {
    const { served } = path;
    const plain = served?.basePath === this.name && stateOf(served) !== '' && served.trustPolicyId === null;
    this.known = plain ? { path, since } : undefined;
  }

  /** {@link learnPath} when only the distribution was read again: what stands above it follows as far as it can. */
  refreshPath(served: ServedPath | undefined, since: number): void {
    const target = retarget(this.known?.path.target, served);
    if (target) this.learnPath({ served, target, guardId: served?.contentGuardId ?? null }, since);
    else this.known = undefined;
  }

  /** Makes the content doubtful. */
  doubtContent(): void {
    this.epoch += 1;
    this.checkedAt = Number.NEGATIVE_INFINITY;
  }

  /** Makes everything doubtful. */
  doubt(): void {
    this.doubtContent();
    this.pathEpoch += 1;
    this.known = undefined;
  }

  /** Takes in what was read. A `target` that was not read follows what is served: whether it is private decides rights. */
  learn(served: ServedPath | undefined, since: number, nextVersion: () => number, target?: RegistryTarget): void {
    this.checkedAt = since;
    const state = served?.basePath === this.name ? stateOf(served) : '';
    this.target = target ?? retarget(this.target, served);
    if (state === this.state) return;
    this.state = state;
    this.verdicts.clear();
    this.version = state === '' ? 0 : nextVersion();
    this.isPublic = state !== '' && !served!.private;
    this.distributionId = state === '' ? undefined : served!.distributionId;
    this.repositoryId = state === '' ? undefined : served!.repositoryId!;
    this.served = state === '' ? undefined : served;
  }

  /** True when it was decided lately, and nothing about rights has changed since, that somebody may read. */
  admits(who: object, era: number, now: number): boolean {
    const verdict = this.verdicts.get(who);
    return verdict !== undefined && verdict.era === era && now < verdict.until;
  }

  /** Keeps the decision that somebody may read. */
  admit(who: object, era: number, now: number): void {
    if (this.verdicts.size >= MOST_VERDICTS) this.verdicts.clear();
    this.verdicts.set(who, { era, until: now + VERDICT_MS });
  }
}

/** A target known from an earlier reading, with the distribution as it is now; undefined when that does not follow. */
function retarget(known: RegistryTarget | undefined, served: ServedPath | undefined): RegistryTarget | undefined {
  if (!known?.distribution || !served) return undefined;
  return { ...known, distribution: { ...known.distribution, private: served.private } };
}

/** Everything that an answer depends on; empty for what only the slow path serves. */
function stateOf(served: ServedPath): string {
  const { repositoryId, trustPolicyId, trustPolicyStamp, contentGuardId, remoteId, parentId } = served;
  const { pinned, revision, head } = served;
  if (repositoryId === null || contentGuardId !== null || remoteId !== null || parentId !== null) return '';
  if (trustPolicyId !== null && trustPolicyStamp === null) return '';
  const content = pinned === null ? `newest ${head} ${revision}` : `pinned ${pinned}`;
  const policy = trustPolicyId === null ? 'no policy' : `${trustPolicyId} ${trustPolicyStamp}`;
  return `${served.distributionId} ${repositoryId} ${served.private ? 'private' : 'public'} ${policy} ${content}`;
}
