import { closeSync, constants, fstatSync, open } from 'node:fs';
import { promisify } from 'node:util';

/** A file that is open for reading; whoever has it releases it once, and reads at positions, for others may have it too. */
export interface OpenFile {
  readonly descriptor: number;
  release(): void;
}

/** How long and how many descriptors are kept for those who come next. */
interface Keeping {
  readonly milliseconds: number;
  readonly most: number;
}

/** Short, for the disk gets the space of a file that was removed only when it is closed. */
const KEEPING: Keeping = { milliseconds: 1000, most: 64 };

const openFile = promisify(open);

/** Opens files, and keeps each open for a moment: parts of one file are asked for one after the other. */
export class OpenFiles {
  readonly #kept = new Map<string, KeptFile>();

  constructor(private readonly keeping = KEEPING) {}

  /**
   * A file of exactly this size; throws when it is another, or not there any more. What the kernel knows of an open file it
   * says in a microsecond: to ask it from another thread would cost ten.
   */
  async open(path: string, size: number): Promise<OpenFile> {
    const kept = this.#kept.get(path);
    if (kept?.isWhole(size)) return kept.hold();
    if (kept) this.#drop(path, kept);
    const file = new KeptFile(await openFile(path, constants.O_RDONLY | constants.O_NOFOLLOW));
    if (!file.isWhole(size)) {
      file.release();
      throw new Error('the file was removed, or does not have the size that it should have');
    }
    if (this.#kept.size < this.keeping.most && !this.#kept.has(path)) {
      this.#kept.set(path, file.hold());
      setTimeout(() => this.#drop(path, file), this.keeping.milliseconds).unref();
    }
    return file;
  }

  #drop(path: string, file: KeptFile): void {
    if (this.#kept.get(path) !== file) return;
    this.#kept.delete(path);
    file.release();
  }
}

/** Is closed when nobody holds it any more. */
class KeptFile implements OpenFile {
  #holders = 1;

  constructor(readonly descriptor: number) {}

  hold(): this {
    this.#holders += 1;
    return this;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) closeSync(this.descriptor);
  }

  /** It has a name still and is not cut off. */
  isWhole(size: number): boolean {
    const now = fstatSync(this.descriptor);
    return now.nlink > 0 && now.size === size;
  }
}
