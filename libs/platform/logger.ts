import { AsyncLocalStorage } from 'node:async_hooks';
import type { LoggerService } from '@nestjs/common';

/** Severities, least first. */
const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
/** A severity of log lines. */
export type LogLevel = (typeof LEVELS)[number];

const correlation = new AsyncLocalStorage<string>();

/** Runs work under a correlation id that every log line and task inside takes over. */
export function withCorrelation<T>(id: string, work: () => T): T {
  return correlation.run(id, work);
}

/** The correlation id of the running request or task; empty outside. */
export function correlationId(): string {
  return correlation.getStore() ?? '';
}

let threshold: LogLevel = 'info';
let json = !process.stdout.isTTY;

/** Sets what is written, once at start. */
export function configureLogging(level: LogLevel, format: 'auto' | 'json' | 'text'): void {
  threshold = level;
  json = format === 'auto' ? !process.stdout.isTTY : format === 'json';
}

/** Writes one structured line; `fields` hold data, never secrets. */
export function log(level: Exclude<LogLevel, 'silent'>, message: string, fields: Record<string, unknown> = {}): void {
  if (LEVELS.indexOf(level) < LEVELS.indexOf(threshold)) return;
  const id = correlationId();
  const entry = { time: new Date().toISOString(), level, message, ...(id ? { correlation_id: id } : {}), ...fields };
  process.stderr.write(json ? `${JSON.stringify(entry, errorsAsText)}\n` : `${textLine(entry)}\n`);
}

function errorsAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? value.message) : value;
}

function textLine({ time, level, message, ...fields }: Record<string, unknown>): string {
  const rest = Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields, errorsAsText)}` : '';
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${String(message).replaceAll(/[\r\n]+/g, ' ')}${rest}`;
}

/** Nest's own lines through the same writer; its start-up chatter is debug. */
export class NestLogger implements LoggerService {
  log(message: unknown, ...rest: unknown[]): void {
    log('debug', String(message), { context: rest.at(-1) });
  }
  error(message: unknown, ...rest: unknown[]): void {
    log('error', String(message), { detail: rest });
  }
  warn(message: unknown, ...rest: unknown[]): void {
    log('warn', String(message), { context: rest.at(-1) });
  }
  debug(message: unknown, ...rest: unknown[]): void {
    log('debug', String(message), { context: rest.at(-1) });
  }
}
