import type pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { batchesOf } from './batches.js';
import { again, breakConnection, queryPrepared } from './database.js';

/**
 * SQL that lets the statement's transaction commit without waiting for the disk: for rows whose loss in a power failure
 * costs nobody more than a repetition, or with {@link durable} afterwards.
 */
export const WITHOUT_FLUSH = `set_config('synchronous_commit', 'off', true)`;

/**
 * `inTransaction` that gives back its locks before its commit is on the disk; the answer has to wait for {@link durable}.
 * Its beginning is not waited for, and goes to the database with the first statement of `work`: one that changes nothing,
 * for it would be done by itself if the beginning failed.
 */
export function commitEarly<T>(source: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> {
  return again(() => once(source, work));
}

async function once<T>(source: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> {
  const runner = source.createQueryRunner();
  try {
    const client = (await runner.connect()) as pg.PoolClient;
    const begun = client.query('START TRANSACTION; SET LOCAL synchronous_commit TO off');
    // Without it the statements that follow would be transactions of their own.
    begun.catch(() => breakConnection(client));
    (runner as { isTransactionActive: boolean }).isTransactionActive = true;
    try {
      const result = await work(runner.manager);
      await begun;
      const { command } = await client.query('COMMIT');
      // The answer to this of a transaction with a failed statement, which nobody looked at, is no error.
      if (command !== 'COMMIT') throw new Error('A statement of the transaction failed; nothing was stored.');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => breakConnection(client));
      throw error;
    }
  } finally {
    await runner.release();
  }
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
