import type { DataSource, EntityManager } from 'typeorm';
import { batchesOf } from './batches.js';
import { preparedIn, queryPrepared } from './database.js';

/**
 * SQL that lets the statement's transaction commit without waiting for the disk: for rows whose loss in a power failure
 * costs nobody more than a repetition, or with {@link durable} afterwards.
 */
export const WITHOUT_FLUSH = `set_config('synchronous_commit', 'off', true)`;

/** Lets a transaction give back its locks before its commit is on the disk; its answer has to wait for {@link durable}. */
export async function commitEarly(tx: EntityManager): Promise<void> {
  await preparedIn(tx, 'commit-early', `select ${WITHOUT_FLUSH}`, []);
}

/** A commit that waits for the disk flushes every commit before it too. */
const flushTogether = batchesOf<undefined, undefined>(async (source, waiting) => {
  await queryPrepared(source, 'flush', `select pg_logical_emit_message(true, 'hallmark', '')`, []);
  return waiting.map(() => undefined);
});

/**
 * Waits until everything that was committed before this call survives a power failure. Those who wait at the same time
 * share one flush, so that pushes into one repository do not wait for the disk one after the other.
 */
export function durable(source: DataSource): Promise<void> {
  return flushTogether(source, undefined);
}
