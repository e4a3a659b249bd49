import type { DataSource } from 'typeorm';
import { inTransaction, rowsOf } from '#platform/database.js';

/** Removes a service by name; repositories that name it name none then. False when there is no such service. */
export function removeService(source: DataSource, name: string, className?: string): Promise<boolean> {
  return inTransaction(source, async (tx) => {
    const [row] = await rowsOf<{ id: string }>(
      tx,
      'delete from signing_service where name = $1 and ($2::text is null or class = $2) returning id',
      [name, className ?? null],
    );
    if (!row) return false;
    await tx.query(
      'update repository set signing_service_id = null, pulp_last_updated = now() where signing_service_id = $1',
      [row.id],
    );
    return true;
  });
}
