import { hash, verify, type Options } from '@node-rs/argon2';
import { DomainError } from '#platform/domain-error.js';

/** How hard a hash is, and how many are computed at once or wait. */
export interface HashingLimits {
  readonly options: Options;
  readonly parallel: number;
  readonly waiting: number;
}

/** Argon2id with 19 MiB and two passes: the first choice of the OWASP cheat sheet. Two at once leave threads for files. */
const LIMITS: HashingLimits = {
  options: { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 },
  parallel: 2,
  waiting: 64,
};

/** Hashes and checks passwords on other threads, a few at a time; callers beyond the queue are asked to come again. */
export class PasswordHasher {
  private running = 0;
  private readonly queue: (() => void)[] = [];
  private decoy: Promise<string> | undefined;
  /** Computations so far. */
  computed = 0;

  constructor(private readonly limits: HashingLimits = LIMITS) {}

  /** The PHC string to store. */
  async hash(password: string): Promise<string> {
    return await this.slot(() => hash(password, this.limits.options));
  }

  /** True when the password fits; without a stored hash it takes as long and is false. */
  async verify(stored: string | null, password: string): Promise<boolean> {
    if (stored !== null) return await this.slot(() => verify(stored, password));
    this.decoy ??= hash('nobody', this.limits.options);
    const decoy = await this.decoy;
    await this.slot(() => verify(decoy, password));
    return false;
  }

  private async slot<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.limits.parallel) await this.wait();
    else this.running += 1;
    try {
      this.computed += 1;
      return await work();
    } finally {
      const next = this.queue.shift();
      if (next) next();
      else this.running -= 1;
    }
  }

  private async wait(): Promise<void> {
    if (this.queue.length >= this.limits.waiting)
      throw new DomainError('throttled', 'TOOMANYREQUESTS', 'Too many sign-ins at once; try again in a moment.', {
        retryAfter: 1,
      });
    await new Promise<void>((done) => this.queue.push(done));
  }
}
