import { open, type FileHandle } from 'node:fs/promises';
import { Batches } from '#platform/batches.js';

/**
 * Flushing shared by commits that run at the same time: those that rename into one folder share its flush, and files are
 * flushed side by side, so that the file system can put them into one journal commit. Does nothing when flushing is off.
 */
export class FlushBatch {
  /** One for each folder that blobs lie in. */
  readonly #folders = new Map<string, Batches<undefined, undefined>>();
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
  async folder(path: string): Promise<void> {
    if (!this.enabled) return;
    let flushes = this.#folders.get(path);
    if (!flushes) this.#folders.set(path, (flushes = new Batches((waiting) => flushFolder(path, waiting))));
    await flushes.do(undefined);
  }
}

async function flushFolder<Waiting>(path: string, waiting: readonly Waiting[]): Promise<readonly Waiting[]> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
    return waiting;
  } finally {
    await handle.close();
  }
}
