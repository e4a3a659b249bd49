import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

// The thread behind hash-thread.ts. Imports nothing of ours: Node runs it from source too, when tests do.

/** What the thread is asked; it answers each question with a block or a digest, in their order. */
export type HashOrder =
  | { readonly hash: number; readonly algorithm: string; readonly block: Uint8Array<ArrayBuffer> }
  | { readonly hash: number; readonly ask: 'digest' | 'forget' };

const hashes = new Map<number, Hash>();

parentPort!.on('message', (order: HashOrder) => {
  if ('block' in order) {
    const { hash, algorithm, block } = order;
    let running = hashes.get(hash);
    if (!running) hashes.set(hash, (running = createHash(algorithm)));
    running.update(block);
    parentPort!.postMessage(block, [block.buffer]);
  } else if (order.ask === 'digest') parentPort!.postMessage(hashes.get(order.hash)!.copy().digest('hex'));
  else hashes.delete(order.hash);
});
