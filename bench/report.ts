import { cpus, totalmem } from 'node:os';
import type { Load } from './measure.js';

/** One line of a report: what was measured, on whom, and against whom it is held. */
export interface Row {
  readonly what: string;
  readonly server: string;
  readonly load: Load;
  /** Ratios such as `0.82× node:http`. */
  readonly ratios?: readonly string[];
}

/** How `a` compares with `b`: by what was measured, and by CPU, which neighbours on the machine disturb less. */
export function times(a: Load, b: Load, name: string): string {
  return `${ratio(a.rate / b.rate)}× ${name} (by CPU ${ratio(b.cpu / a.cpu)}×)`;
}

function ratio(value: number): string {
  return value.toFixed(value < 10 ? 2 : 0);
}

/** Writes rows as a markdown table to the standard output. */
export function printTable(title: string, unit: string, rows: readonly Row[]): void {
  const lines = [
    `### ${title}`,
    '',
    `| | server | ${unit} | p99 ms | server CPU, µs each | ratio |`,
    '|---|---|---:|---:|---:|---|',
  ];
  for (const { what, server, load, ratios = [] } of rows) {
    const p99 = load.p99 === undefined ? '' : load.p99.toFixed(1);
    lines.push(`| ${what} | ${server} | ${figure(load.rate)} | ${p99} | ${figure(load.cpu)} | ${ratios.join(', ')} |`);
  }
  process.stdout.write(`${lines.join('\n')}\n\n`);
}

/** What the machine is, in one line. */
export function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}

function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
