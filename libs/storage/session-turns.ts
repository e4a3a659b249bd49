import { LRUCache } from 'lru-cache';
import type { BlockDigest } from './block-digest.js';
import { sessionBusy } from './storage-errors.js';

/** A hash that is right only while the staged bytes bear the same mark. */
export interface CarriedDigest {
  readonly running: BlockDigest;
  readonly mark: string;
}

/** What this process remembers of upload sessions: whose turn it is to write, and the hash so far. */
export class SessionTurns {
  #digests: LRUCache<string, CarriedDigest>;
  #turns = new Map<string, Promise<unknown>>();

  constructor(
    sessions = 1024,
    private readonly patienceMs = 5_000,
  ) {
    this.#digests = new LRUCache({ max: sessions });
  }

  /** The carried hash, when it was left at this mark; it is taken out, and must be kept again after a good write. */
  take(uploadId: string, mark: string): BlockDigest | undefined {
    const carried = this.#digests.get(uploadId);
    this.#digests.delete(uploadId);
    return carried?.mark === mark ? carried.running : undefined;
  }

  /** Carries a hash on to the next request. */
  keep(uploadId: string, carried: CarriedDigest): void {
    this.#digests.set(uploadId, carried);
  }

  /** Forgets hashes: of one session, or of all as a new process would. */
  forget(uploadId?: string): void {
    if (uploadId === undefined) this.#digests.clear();
    else this.#digests.delete(uploadId);
  }

  /** Runs work alone for a session: waits a little for the one before, so that a client that comes back at once gets in. */
  async alone<T>(uploadId: string, work: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + this.patienceMs;
    for (let before = this.#turns.get(uploadId); before; before = this.#turns.get(uploadId))
      if (!(await endsBy(before, deadline))) throw sessionBusy();
    const turn = work();
    this.#turns.set(uploadId, turn);
    try {
      return await turn;
    } finally {
      this.#turns.delete(uploadId);
    }
  }
}

async function endsBy(turn: Promise<unknown>, deadline: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(0, deadline - Date.now()));
  });
  const ended = () => true;
  try {
    return await Promise.race([turn.then(ended, ended), late]);
  } finally {
    clearTimeout(timer);
  }
}
