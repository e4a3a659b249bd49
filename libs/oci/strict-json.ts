/** Bounds of {@link parseStrictJson}. */
export interface JsonLimits {
  /** Deepest nesting of arrays and objects; default 64. */
  readonly depth?: number;
  /** Most values in the whole document; default 300,000. */
  readonly values?: number;
  /** Refuse texts and member names that {@link isStorable} is not true of; default false. */
  readonly storable?: boolean;
  /** Refuse whole numbers with a fraction or an exponent, which readers in other languages take for no integer; default false. */
  readonly plainIntegers?: boolean;
}

/** Most members of one object. */
const MOST_MEMBERS = 20_000;

/** Why a document was refused; `offset` in bytes of the UTF-8 text where known. */
export class StrictJsonError extends Error {
  override readonly name = 'StrictJsonError';
}

/** True for a text that PostgreSQL takes: without NUL and without half a surrogate pair, which only JSON escapes bring. */
export function isStorable(text: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(text);
}

/**
 * Parses JSON that security decisions rest on: UTF-8 only, no byte order mark, no duplicate member names at any depth,
 * bounded nesting, nothing after the value. Objects come without a prototype, so `__proto__` is an ordinary member.
 * Throws {@link StrictJsonError}.
 */
export function parseStrictJson(bytes: Uint8Array | string, limits: JsonLimits = {}): unknown {
  const text = typeof bytes === 'string' ? bytes : decodeUtf8(bytes);
  const { depth = 64, values = 300_000, storable = false, plainIntegers = false } = limits;
  return new Reader(text, depth, values, storable, plainIntegers).document();
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new StrictJsonError('the document is not valid UTF-8');
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

class Reader {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly depth: number,
    private left: number,
    private readonly storable: boolean,
    private readonly plainIntegers: boolean,
  ) {}

  document(): unknown {
    this.space();
    const value = this.value(0);
    this.space();
    if (this.at !== this.text.length) throw this.error('unexpected data after the document');
    return value;
  }

  private value(level: number): unknown {
    if ((this.left -= 1) < 0) throw this.error('too many values');
    if (level > this.depth) throw this.error(`nested deeper than ${this.depth} levels`);
    switch (this.text.charAt(this.at)) {
      case '{':
        return this.object(level);
      case '[':
        return this.array(level);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  private object(level: number): Record<string, unknown> {
    const result = Object.create(null) as Record<string, unknown>;
    this.at += 1;
    this.space();
    if (this.take('}')) return result;
    for (let members = 1; ; members += 1) {
      if (members > MOST_MEMBERS) throw this.error('too many members in one object');
      if (this.text[this.at] !== '"') throw this.error('expected a member name');
      const name = this.string();
      if (Object.hasOwn(result, name)) throw this.error(`duplicate member ${JSON.stringify(name.slice(0, 64))}`);
      this.space();
      if (!this.take(':')) throw this.error('expected ":"');
      this.space();
      result[name] = this.value(level + 1);
      this.space();
      if (this.take('}')) return result;
      if (!this.take(',')) throw this.error('expected "," or "}"');
      this.space();
    }
  }

  private array(level: number): unknown[] {
    const result: unknown[] = [];
    this.at += 1;
    this.space();
    if (this.take(']')) return result;
    for (;;) {
      result.push(this.value(level + 1));
      this.space();
      if (this.take(']')) return result;
      if (!this.take(',')) throw this.error('expected "," or "]"');
      this.space();
    }
  }

  private string(): string {
    // Long runs are cut by hand: a sticky regular expression over megabytes can exhaust the stack.
    const start = this.at;
    let end = start + 1;
    for (;;) {
      const quote = this.text.indexOf('"', end);
      if (quote < 0) throw this.error('unterminated string');
      let slashes = 0;
      while (this.text[quote - 1 - slashes] === '\\') slashes += 1;
      end = quote + 1;
      if (slashes % 2 === 0) break;
    }
    this.at = end;
    const text = this.unescaped(this.text.slice(start, end));
    if (this.storable && !isStorable(text)) throw this.error('a text with NUL or half a surrogate pair');
    return text;
  }

  private unescaped(quoted: string): string {
    try {
      return JSON.parse(quoted) as string;
    } catch {
      throw this.error('malformed string');
    }
  }

  private number(): number {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (!match) throw this.error('unexpected character');
    this.at += match[0].length;
    const value = Number(match[0]);
    if (!Number.isFinite(value)) throw this.error('number out of range');
    if (this.plainIntegers && Number.isInteger(value) && /[.eE]/.test(match[0]))
      throw this.error('an integer with a fraction or an exponent');
    return value;
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.error('unexpected character');
    this.at += word.length;
    return value;
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at += 1;
    }
  }

  private error(message: string): StrictJsonError {
    return new StrictJsonError(`${message} at character ${this.at}`);
  }
}
