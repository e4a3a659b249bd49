/** Waits for all, then throws the first failure: nothing of it goes on behind the caller's back. */
export async function settled(all: readonly Promise<unknown>[]): Promise<void> {
  for (const ending of await Promise.allSettled(all)) if (ending.status === 'rejected') throw ending.reason;
}
