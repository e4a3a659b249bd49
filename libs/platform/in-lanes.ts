import { settled } from './settled.js';

/** Works on every item, at most `width` at once; after a failure no further item is begun, and the first one is thrown. */
export async function inLanes<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  let failed = false;
  const lane = async () => {
    for (let next = left.next(); !next.done && !failed; next = left.next())
      await work(next.value).catch((error: unknown) => {
        failed = true;
        throw error;
      });
  };
  await settled(Array.from({ length: Math.min(width, items.length) }, lane));
}
