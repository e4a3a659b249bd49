import { resolve } from 'node:path';
import { SETTINGS, type Setting, type SettingName, type SettingValues } from './settings.js';

/** Where a value came from, for `hallmark config`. */
export interface SettingOrigin {
  readonly variable: string;
  readonly value: string;
  readonly origin: 'environment' | 'default';
  readonly doc: string;
}

/** The settings of this process, read once and frozen. `publicUrl` is always set here. */
export class Config {
  private constructor(readonly origins: readonly SettingOrigin[]) {}

  /** Reads an environment; throws one error that lists every problem. `defaults` are an app's own (its port). */
  static read(environment: NodeJS.ProcessEnv = process.env, defaults: Partial<SettingValues> = {}): HallmarkConfig {
    const problems: string[] = [];
    const origins: SettingOrigin[] = [];
    const values: Record<string, unknown> = {};
    for (const [name, each] of Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]) {
      const raw = environment[each.variable];
      let value: unknown = name in defaults ? defaults[name] : each.default;
      if (raw !== undefined && raw !== '') {
        try {
          value = each.read(raw);
        } catch (error) {
          problems.push(
            `${each.variable}: ${(error as Error).message} (it is ${each.secret ? 'hidden' : JSON.stringify(raw)})`,
          );
        }
      } else if (name === 'dataDir') value = resolve(value as string);
      values[name] = value;
      origins.push({
        variable: each.variable,
        value: shown(value, each.secret),
        origin: raw ? 'environment' : 'default',
        doc: each.doc,
      });
    }
    problems.push(...contradictions(values as SettingValues));
    if (problems.length > 0) throw new Error(`The settings are not usable:\n  ${problems.join('\n  ')}`);
    values['publicUrl'] ??= `http://${urlHost(values['host'] as string)}:${String(values['port'])}`;
    values['databaseDirectUrl'] ??= values['databaseUrl'];
    return Object.freeze(Object.assign(new Config(origins), values)) as unknown as HallmarkConfig;
  }

  /** The same settings with some replaced, as tests and standalone need them. */
  with(changes: Partial<SettingValues>): HallmarkConfig {
    return Object.freeze(Object.assign(new Config(this.origins), this, changes)) as unknown as HallmarkConfig;
  }

  /** `host[:port]` of the public URL: what docker references begin with. */
  get publicHost(): string {
    return new URL((this as unknown as ResolvedSettings).publicUrl).host;
  }
}

/** Values after defaults are filled in. */
export type ResolvedSettings = SettingValues & { readonly publicUrl: string };

/** The type to ask for in constructors and functions. */
export type HallmarkConfig = Config & ResolvedSettings;

/** Injection token of {@link HallmarkConfig} in Nest modules. */
export const CONFIG = Symbol('config');

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

function contradictions(values: SettingValues): string[] {
  const problems: string[] = [];
  if (values.anonymousPush && !LOOPBACK.has(values.host) && !values.insecure)
    problems.push(
      'HALLMARK_ANONYMOUS_PUSH: is refused with a HALLMARK_HOST that is not loopback; set HALLMARK_INSECURE=true to do it all the same',
    );
  if (values.storage === 's3' && !values.s3Bucket) problems.push('S3_BUCKET: is needed with HALLMARK_STORAGE=s3');
  if (values.databaseDirectUrl && !values.databaseUrl) problems.push('DATABASE_DIRECT_URL: needs DATABASE_URL too');
  return problems;
}

function shown(value: unknown, secret: boolean | undefined): string {
  if (value === undefined) return '';
  if (secret) return '********';
  return Array.isArray(value) ? value.join(',') : `${value as string | number | boolean}`;
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
