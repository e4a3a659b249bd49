import { open, type FileHandle } from 'node:fs/promises';

interface Round {
  running: Promise<void>;
  next: Promise<void> | undefined;
}

/**
 * Flushing shared by commits that run at the same time: those that rename into one folder share its flush, and files are
 * flushed side by side, so that the file system can put them into one journal commit. Does nothing when flushing is off.
 */
export class FlushBatch {
  #folders = new Map<string, Round>();
  #active = 0;
  #queue: (() => void)[] = [];

  constructor(
    readonly enabled: boolean,
    private readonly filesAtOnce = 8,
  ) {}

  /** Makes the bytes of an open file durable. */
  async file(handle: FileHandle): Promise<void> {
    if (!this.enabled) return;
    if (this.#active >= this.filesAtOnce) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#active++;
    try {
      await handle.datasync();
    } finally {
      const waiting = this.#queue.shift();
      if (waiting) waiting();
      else this.#active--;
    }
  }

  /** Makes the names in a folder durable; a flush that began before this call does not count. */
  folder(path: string): Promise<void> {
    if (!this.enabled) return Promise.resolve();
    const round = this.#folders.get(path);
    if (!round) return this.#start(path);
    round.next ??= round.running.then(
      () => this.#start(path),
      () => this.#start(path),
    );
    return round.next;
  }

  #start(path: string): Promise<void> {
    const round: Round = { running: flushFolder(path), next: undefined };
    this.#folders.set(path, round);
    const ended = () => {
      if (round.next === undefined && this.#folders.get(path) === round) this.#folders.delete(path);
    };
    round.running.then(ended, ended);
    return round.running;
  }
}

async function flushFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
