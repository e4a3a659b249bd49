import pg from 'pg';

/**
 * True when a pooler that gives out connections by the transaction stands before the database: then two clients that are
 * connected at once meet in one server process, and LISTEN, session locks and the queue do not work.
 */
export async function isPooled(url: string): Promise<boolean> {
  const clients = Array.from({ length: 2 }, () => new pg.Client({ connectionString: url }));
  for (const client of clients) client.on('error', () => undefined);
  try {
    const pids = new Set<number>();
    for (const client of clients) {
      await client.connect();
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      pids.add(rows[0]!.pid);
    }
    return pids.size === 1;
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
}

/** Throws when the direct address leads to a pooler; queue, change feed, migrations and locks would fail without a word. */
export async function refusePooler(directUrl: string): Promise<void> {
  if (!(await isPooled(directUrl))) return;
  throw new Error(
    'DATABASE_DIRECT_URL leads to a pooler that shares connections by the transaction; set it to the address of PostgreSQL itself. DATABASE_URL may stay pooled.',
  );
}
