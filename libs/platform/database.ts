import type { Socket } from 'node:net';
import pg from 'pg';
import { DataSource, type EntityManager, type MixedList } from 'typeorm';
import { DomainError, messageOf, unavailable } from './domain-error.js';

// Sizes and counters fit a double; the driver would hand out strings.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** What a data source is made of. */
export interface DatabaseOptions {
  readonly url: string;
  readonly poolSize?: number;
  readonly entities: MixedList<Function>;
  readonly migrations?: MixedList<Function>;
  /** Lines in `pg_stat_activity`. */
  readonly applicationName?: string;
}

/** Milliseconds that somebody waits for a connection, a new one or one that others give back. */
const CONNECTION_PATIENCE = 20_000;

/**
 * Connections that stay open however long nobody asks. A new one costs its process in the database, and each prepared
 * statement its plan: the first push after a pause took twice as long.
 */
const KEPT_CONNECTIONS = 4;

/** Milliseconds without a byte after which the system asks whether the other end of a connection is there. */
const KEEP_ALIVE_DELAY = 10_000;

/** A TypeORM data source for PostgreSQL: no automatic schema, uuids made by us, idle errors kept from ending the process. */
export function createDataSource(options: DatabaseOptions): DataSource {
  return new DataSource({
    type: 'postgres',
    url: options.url,
    entities: options.entities,
    migrations: options.migrations ?? [],
    synchronize: false,
    poolSize: options.poolSize ?? 10,
    connectTimeoutMS: CONNECTION_PATIENCE,
    applicationName: options.applicationName ?? 'hallmark',
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    poolErrorHandler: () => undefined,
    extra: {
      min: KEPT_CONNECTIONS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY,
      // Statements of a transaction that are given at the same time go to the database behind each other, unanswered.
      pipeline: true,
    },
    migrationsTransactionMode: 'each',
  });
}

/** Connects a data source; a database that is out of reach is a DomainError that says where to look. */
export async function connectSource(source: DataSource): Promise<DataSource> {
  try {
    return await source.initialize();
  } catch (error) {
    const advice = `Check DATABASE_URL; 'hallmark doctor' looks further.`;
    throw unavailable(`The database cannot be reached: ${messageOf(error)}. ${advice}`, 5, error);
  }
}

/** The pool under a data source, for prepared statements on hot paths. */
export function poolOf(source: DataSource): pg.Pool {
  return (source.driver as unknown as { master: pg.Pool }).master;
}

/** Ends every connection of a data source at once: what runs on them fails with {@link databaseTrouble}, new ones are made. */
export function breakConnections(source: DataSource): void {
  const { _clients: clients } = poolOf(source) as unknown as { _clients: pg.PoolClient[] };
  clients.forEach(breakConnection);
}

/** {@link breakConnections} of one. */
export function breakConnection(client: pg.PoolClient): void {
  (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
}

/** Rows of a prepared statement; `name` must name this text and no other. */
export async function queryPrepared<Row>(
  source: DataSource,
  name: string,
  text: string,
  values: unknown[],
): Promise<Row[]> {
  const { rows } = await poolOf(source).query({ name, text, values });
  return rows as Row[];
}

/** {@link queryPrepared} on the connection of a transaction. */
export async function preparedIn<Row>(
  tx: EntityManager,
  name: string,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  const client = (await tx.queryRunner?.connect()) as pg.PoolClient | undefined;
  // A connection that was given back may be in the transaction of somebody else; TypeORM refuses those too.
  if (!client || tx.queryRunner!.isReleased) return rowsOf(tx, text, values);
  const { rows } = await client.query({ name, text, values: [...values] });
  return rows as Row[];
}

/**
 * SQL at the end of a subquery: PostgreSQL looks it up for each row of what is around it, by an index, instead of joining
 * whole tables. For few rows, in prepared statements, whose plan may have been made when the table was small.
 */
export const ONE_BY_ONE = 'offset 0';

/**
 * SQL for array parameters of a prepared statement, from a position on, one for each type. The planner cannot see how long
 * they are, and so keeps one plan; it would make a new one for each call otherwise, since a plan for one or two rows looks
 * cheaper than the kept one for any number.
 */
export function listParameters(position: number, ...types: readonly string[]): string {
  return types.map((type, at) => `(select $${position + at}::${type}[])::${type}[]`).join(', ');
}

/** SQL text and parameters. */
export type Sql = readonly [text: string, values?: readonly unknown[]];

/** Rows of a SELECT or of a statement with RETURNING, whatever shape the driver gives them. */
export async function rowsOf<Row>(
  tx: EntityManager | DataSource,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const result: unknown = await tx.query(text, [...values]);
  if (Array.isArray(result) && result.length === 2 && Array.isArray(result[0]) && typeof result[1] === 'number')
    return result[0] as Row[];
  return result as Row[];
}

/** True for a violated unique constraint or index. */
export function isUniqueViolation(error: unknown): boolean {
  return errorCode(error) === '23505';
}

/** True for a violated foreign key: a row names one that is gone, or is named by one that stays. */
export function isReferenceViolation(error: unknown): boolean {
  return errorCode(error) === '23503';
}

/** The key that a violated constraint is about. */
export interface ViolatedKey {
  /** Undefined when it is of several columns. */
  readonly column: string | undefined;
  readonly value: string;
  /** The table that has no such row, for a row that names one that is gone. */
  readonly missingIn: string | undefined;
}

/** Reads what PostgreSQL says of a violated constraint: `Key (column)=(value) is not present in table "table".` */
export function violatedKey(error: unknown): ViolatedKey | undefined {
  const detail = (error as { driverError?: { detail?: string } }).driverError?.detail ?? '';
  const found = /^Key \(([^()]+)\)=\((.*)\) (?:already|is) .*$/s.exec(detail);
  if (!found) return undefined;
  const [column, value] = found.slice(1) as [string, string];
  const missingIn = / is not present in table "(\w+)"\.$/.exec(detail)?.[1];
  return { column: /^\w+$/.test(column) ? column : undefined, value, missingIn };
}

/** True when PostgreSQL could not take a value: not in the text's encoding, out of range, not of the type, too long for an index. */
export function isRefusedValue(error: unknown): boolean {
  const code = errorCode(error) ?? '';
  return code === '54000' || (code.startsWith('22') && code !== '22012');
}

/** True for failures that a repeated transaction may not meet: serialization, deadlock. */
export function isRetryable(error: unknown): boolean {
  return ['40001', '40P01'].includes(errorCode(error) ?? '');
}

/**
 * What a failure of the database itself means for who asked: `unavailable` for those that end by themselves when it can be
 * reached, or written to, again, `no-space` for a full disk. Undefined for everything else.
 */
export function databaseTrouble(error: unknown): DomainError | undefined {
  const code = errorCode(error) ?? '';
  if (code === READ_ONLY)
    return unavailable('The database takes no changes now: it is a standby or read-only; try again.', 5, error);
  if (code === DISK_FULL)
    return new DomainError('no-space', 'UNAVAILABLE', 'The disk of the database is full; make room and try again.', {
      cause: error,
    });
  const isLost =
    code === '' && error instanceof Error && (LOST.test(error.message) || error.name.includes('AlreadyReleasedError'));
  if (!isLost && !AWAY.has(code) && !code.startsWith('08')) return undefined;
  return unavailable('The database cannot be reached; try again.', 5, error);
}

const READ_ONLY = '25006';
const DISK_FULL = '53100';

/** What the driver says when the connection broke under a query or none could be had. */
const LOST =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed)/;

/** Shut down, starting up, idle for too long, no connection left; nobody there, or no way to get there. */
const AWAY = new Set(
  `57P01 57P02 57P03 57P05 25P03 53300
   ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN`.split(/\s+/),
);

function errorCode(error: unknown): string | undefined {
  const each = error as { code?: string; driverError?: { code?: string } };
  return each?.driverError?.code ?? each?.code;
}

/** Runs a transaction, {@link again} when it failed. */
export function inTransaction<T>(
  source: DataSource,
  work: (tx: EntityManager) => Promise<T>,
  attempts?: number,
): Promise<T> {
  return again(() => source.transaction(work), attempts);
}

/** Does what is a transaction by itself, again on deadlock or serialization failure, at most `attempts` times. */
export async function again<T>(work: () => Promise<T>, attempts = 4): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= attempts || !isRetryable(error)) throw error;
      await new Promise((done) => setTimeout(done, Math.random() * 20 * 2 ** attempt));
    }
  }
}
