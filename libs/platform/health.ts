import { setTimeout as sleep } from 'node:timers/promises';
import { log } from './logger.js';

/** Asks a part that this process needs; throws when it does not answer. */
export type Check = () => Promise<unknown>;

/** How a process is. Only a failed check that is required makes it unavailable. */
export interface HealthReport {
  readonly status: 'ok' | 'unavailable' | 'stopping';
  readonly checks: Readonly<Record<string, 'ok' | 'failed'>>;
}

const PATIENCE = 2_000;
/** Probes of many balancers share one look. */
const FRESH = 1_000;

/** Knows whether this process can do its work now. */
export class Health {
  private readonly checks = new Map<string, { readonly check: Check; readonly required: boolean }>();
  private latest: { readonly at: number; readonly report: Promise<HealthReport> } | undefined;
  private isStopping = false;

  /** Adds a part; what is not required is shown and does not make the process unavailable. */
  add(name: string, check: Check, required = true): void {
    this.checks.set(name, { check, required });
  }

  /** From here on balancers should send nothing more. */
  stop(): void {
    this.isStopping = true;
    this.latest = undefined;
  }

  /** Asks every part, or tells what was found within the last second. */
  report(): Promise<HealthReport> {
    if (this.isStopping) return Promise.resolve({ status: 'stopping', checks: {} });
    if (!this.latest || this.latest.at < Date.now() - FRESH) this.latest = { at: Date.now(), report: this.look() };
    return this.latest.report;
  }

  private async look(): Promise<HealthReport> {
    const found = await Promise.all(
      [...this.checks].map(async ([name, { check, required }]) => ({ name, required, ok: await passes(name, check) })),
    );
    const failed = found.some(({ ok, required }) => required && !ok);
    const checks = Object.fromEntries(found.map(({ name, ok }) => [name, ok ? ('ok' as const) : ('failed' as const)]));
    return { status: failed ? 'unavailable' : 'ok', checks };
  }
}

async function passes(name: string, check: Check): Promise<boolean> {
  const late = new AbortController();
  try {
    const timeout = sleep(PATIENCE, undefined, { signal: late.signal, ref: false }).then(() => {
      throw new Error(`${name} did not answer in ${PATIENCE} ms`);
    });
    timeout.catch(() => undefined);
    await Promise.race([check(), timeout]);
    return true;
  } catch (error) {
    log('warn', 'a part that this process uses does not answer', { part: name, error });
    return false;
  } finally {
    late.abort();
  }
}
