import type { EntityManager } from 'typeorm';
import type { Principal } from '#access/principal.js';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { noMatch } from '../errors.js';
import { MODELS, type ModelName } from '../models.js';
import type { Resource } from '../resource.js';

/** Column values by column name; JSON, so that tasks can carry them. */
export type Columns = Readonly<Record<string, unknown>>;

/** How resources of one model are made, changed and taken away; each runs inside the caller's transaction. */
export interface Writer {
  readonly resource: Resource;
  /** SQL over the row `t` for what is written like a column, and stands in other rows. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Makes one and returns its key. */
  create(tx: EntityManager, columns: Columns, maker: Principal): Promise<string>;
  /** Changes columns of one that is locked. */
  update(tx: EntityManager, id: string, columns: Columns): Promise<void>;
  /** Takes one away, with everything that goes with it. Returns keys of what is gone, by model. */
  remove(tx: EntityManager, id: string): Promise<readonly GoneObject[]>;
}

/** Something that does not exist any more. */
export interface GoneObject {
  readonly model: ModelName;
  readonly id: string;
}

/** Inserts a row with a new key. */
export async function insertRow(tx: EntityManager, table: string, columns: Columns): Promise<string> {
  const id = newId();
  const names = ['id', ...Object.keys(columns)];
  const values = [id, ...Object.values(columns).map(stored)];
  await tx.query(
    `insert into ${table} (${names.join(', ')}) values (${names.map((_name, index) => `$${index + 1}`).join(', ')})`,
    values,
  );
  return id;
}

/** Changes columns of a row. */
export async function updateRow(tx: EntityManager, table: string, id: string, columns: Columns): Promise<void> {
  const names = Object.keys(columns);
  if (names.length === 0) return;
  await tx.query(
    `update ${table} set ${names.map((name, index) => `${name} = $${index + 2}`).join(', ')}, pulp_last_updated = now()
      where id = $1`,
    [id, ...Object.values(columns).map(stored)],
  );
}

/** The columns whose values differ from the row's. */
export async function differing(
  tx: EntityManager,
  { resource, elsewhere = {} }: Writer,
  id: string,
  columns: Columns,
): Promise<Columns> {
  const names = Object.keys(columns);
  const read = names.map((name) => (elsewhere[name] === undefined ? name : `${elsewhere[name]} as ${name}`));
  const { table } = MODELS[resource.model];
  const [row] = await rowsOf<Record<string, unknown>>(
    tx,
    `select ${['1 as found', ...read].join(', ')} from ${table} t where t.id = $1 and ${resource.where}`,
    [id],
  );
  if (!row) throw noMatch(resource.noun);
  return Object.fromEntries(
    names.filter((name) => !same(row[name], columns[name])).map((name) => [name, columns[name]]),
  );
}

const same = (left: unknown, right: unknown): boolean => JSON.stringify(left ?? null) === JSON.stringify(right ?? null);

/** Lists and objects are JSON columns; the driver would write lists as arrays. */
const stored = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : (value ?? null);
