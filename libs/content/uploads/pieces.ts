/** Several buffers as one parameter of a statement, which takes them apart by `substring`. */
export interface Pieces {
  readonly bytes: Buffer;
  /** Where each begins, the first at 1. */
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
}

/** The driver would write a list of buffers as text. */
export function piecesOf(all: readonly Buffer[]): Pieces {
  let end = 1;
  const starts = all.map(({ length }) => (end += length) - length);
  return { bytes: Buffer.concat(all), starts, sizes: all.map(({ length }) => length) };
}
