/** Collects the values of one statement; text made with it holds only placeholders. */
export class SqlValues {
  constructor(readonly values: unknown[] = []) {}

  /** Adds a value and returns its placeholder. */
  bind(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** SQL that holds when all parts do; `true` without parts. */
export const allOf = (parts: readonly string[]): string =>
  parts.length === 0 ? 'true' : parts.map((part) => `(${part})`).join(' and ');

/** A LIKE pattern that matches this text literally. */
export const likeLiteral = (text: string): string => text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`);
