import type { DataSource } from 'typeorm';
import { badField } from '../errors.js';
import type { Schema } from '../fields.js';
import type { ModelName } from '../models.js';
import type { SqlValues } from '../sql.js';

/** What a filter compiles with. */
export interface FilterScope {
  readonly values: SqlValues;
  readonly source: DataSource;
  /** SQL over the row `t` that holds for rows of a model that the caller sees; no others may be told from missing ones. */
  readonly visible: Visible;
  /** Set by filters whose evaluation may be slow: the statement then runs under a time limit. */
  guard?: string;
  /** Set by a filter that finds keys by itself: when no other condition stands beside it, the list is read from there. */
  driver?: KeySource;
  /** Set by a filter whose answer changes although the state of the resource, see its `tally`, does not. */
  fleeting?: boolean;
}

/** What the caller sees of a model. */
export type Visible = (model: ModelName) => Promise<(values: SqlValues) => string>;

/** Where the keys of a list can be read in order without looking at its rows. */
export interface KeySource {
  readonly from: string;
  readonly key: string;
  readonly where: string;
  /** The condition on rows that means the same. */
  readonly replaces: string;
  /** How many keys there are, when that is stored. */
  readonly count?: number;
}

/** One query parameter that narrows a list. */
export interface Filter {
  readonly name: string;
  readonly schema: Schema;
  readonly description?: string;
  /** False: several values come in one parameter with commas between. */
  readonly explode?: boolean;
  /** It may not stand inside a `q` expression. */
  readonly simple?: boolean;
  /** SQL over the row `t` that holds for what passes. `raw` holds the parameter as often as it was given, at least once. */
  compile(raw: readonly string[], scope: FilterScope): string | Promise<string>;
}

/** The last value, as forms read it. */
export const single = (raw: readonly string[]): string => raw.at(-1) ?? '';

/** All values of a parameter that takes several with commas between or repeated. */
export const several = (raw: readonly string[]): string[] =>
  raw
    .flatMap((each) => each.split(','))
    .map((each) => each.trim())
    .filter((each) => each !== '');

const LARGEST = 9_223_372_036_854_775_807n;

/** A whole number that fits PostgreSQL's bigint, as text. */
export function wholeNumber(name: string, value: string): string {
  const trimmed = value.trim();
  if (!/^[+-]?\d{1,30}(?:\.0*)?$/.test(trimmed)) throw badField(name, 'Enter a number.');
  const number = BigInt(trimmed.replace(/\.0*$/, ''));
  if (number > LARGEST) throw badField(name, `Ensure this value is less than or equal to ${LARGEST}.`);
  if (number < -LARGEST) throw badField(name, `Ensure this value is greater than or equal to ${-LARGEST}.`);
  return number.toString();
}

/** True or false in the words that filters take. */
export function truth(name: string, value: string): boolean {
  if (['true', 't', '1', 'yes', 'y', 'on'].includes(value.toLowerCase())) return true;
  if (['false', 'f', '0', 'no', 'n', 'off'].includes(value.toLowerCase())) return false;
  throw badField(name, `“${value.slice(0, 100)}” value must be either True or False.`);
}

const STAMP =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

/** A time that PostgreSQL understands; without an offset it is UTC. */
export function timestamp(name: string, value: string): string {
  const match = STAMP.exec(value.trim());
  if (!match) throw badField(name, 'Enter a valid date/time.');
  const [, year, month, day, hour = '0', minute = '00', second = '00', fraction = '0', zone = 'Z'] = match;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const real =
    date.getUTCMonth() === Number(month) - 1 &&
    date.getUTCDate() === Number(day) &&
    Number(year) > 0 &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) < 60 &&
    (zone.toUpperCase() === 'Z' || Number(zone.slice(1, 3)) < 15);
  if (!real) throw badField(name, 'Enter a valid date/time.');
  return `${year}-${month}-${day} ${hour}:${minute}:${second}.${fraction}${zone.toUpperCase() === 'Z' ? '+00' : zone}`;
}

/** The two ends of a range. */
export function twoEnds(name: string, raw: readonly string[]): [string, string] {
  const values = several(raw);
  if (values.length !== 2) throw badField(name, 'Range query expects two values.');
  return values as [string, string];
}
