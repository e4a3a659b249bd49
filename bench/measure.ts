import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TICKS_PER_SECOND = 100;

/** What one load on one server gave. */
export interface Load {
  /** Requests or bytes per second. */
  readonly rate: number;
  /** 99th percentile in milliseconds. */
  readonly p99?: number | undefined;
  /** CPU of the server's process in microseconds for each request (or MiB). */
  readonly cpu: number;
}

/** Options of a wrk run. */
export interface WrkOptions {
  readonly connections?: number;
  readonly seconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Seconds of CPU that a process and what it waits for has used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Seconds of CPU of the PostgreSQL that a started Hallmark keeps: of those of its processes that are there now. */
export function databaseCpuSeconds(folder: string): number {
  const [postmaster = ''] = readFileSync(join(folder, 'data/postgres/data/postmaster.pid'), 'utf8').split('\n', 1);
  const backends = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ');
  const nanoseconds = backends.map((pid) => Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ', 1)[0]));
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e9;
}

/** Resident memory of a process in MiB: now, and its peak. */
export function memoryMib(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

/** Loads a URL with wrk; answers other than 2xx and 3xx are an error. */
export async function wrk(pid: number, url: string, options: WrkOptions = {}): Promise<Load> {
  const { connections = 32, seconds = 3, headers = {} } = options;
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency'];
  for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`);
  const before = cpuSeconds(pid);
  const { stdout } = await run('wrk', [...args, url]);
  const cpu = cpuSeconds(pid) - before;
  if (/Non-2xx/.test(stdout)) throw new Error(`${url}\n${stdout}`);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  const scale = { us: 0.001, ms: 1, s: 1000 }[unit ?? 'ms']!;
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p99: Number(p99) * scale,
    cpu: (cpu * 1e6) / requests,
  };
}

/** Runs work from several clients at once until it is used up; rate in pieces per second. */
export async function clients(
  pid: number,
  count: number,
  pieces: number,
  work: (piece: number) => Promise<void>,
): Promise<Load> {
  const before = cpuSeconds(pid);
  const start = performance.now();
  let next = 0;
  const client = async () => {
    for (let piece = next++; piece < pieces; piece = next++) await work(piece);
  };
  await Promise.all(Array.from({ length: count }, client));
  const seconds = (performance.now() - start) / 1000;
  return { rate: pieces / seconds, cpu: ((cpuSeconds(pid) - before) * 1e6) / pieces };
}

/** The best of several loads: what the machine gives when others leave it alone. */
export function best(loads: readonly Load[]): Load {
  const first = loads[0]!;
  return {
    rate: Math.max(...loads.map(({ rate }) => rate)),
    cpu: Math.min(...loads.map(({ cpu }) => cpu)),
    p99: first.p99 === undefined ? undefined : Math.min(...loads.map(({ p99 }) => p99!)),
  };
}
