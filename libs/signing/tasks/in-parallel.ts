/** Runs `work` on every item with at most `width` at once; the first error stops the rest. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lanes = Array.from({ length: Math.min(width, items.length) }, async () => {
    while (next < items.length) {
      const item = items[next]!;
      next += 1;
      try {
        await work(item);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  });
  const endings = await Promise.allSettled(lanes);
  const failure = endings.find((ending) => ending.status === 'rejected');
  if (failure) throw failure.reason;
}
