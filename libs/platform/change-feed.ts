import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { EntityManager } from 'typeorm';
import { log } from './logger.js';

/** What changed: a topic and the key that listeners look up. Payloads stay far below PostgreSQL's 8000 bytes. */
export interface Change {
  readonly topic: string;
  readonly key: string;
}

const CHANNEL = 'hallmark_change';

/** What `pg_notify` takes, for a statement that announces a change with its own work. */
export function announcement(topic: string, key: string): [channel: string, payload: string] {
  return [CHANNEL, `${topic} ${key}`];
}

/** Announces a change; listeners in every process hear it when the transaction commits. */
export async function announce(tx: Pick<EntityManager, 'query'>, topic: string, key: string): Promise<void> {
  await tx.query('select pg_notify($1, $2)', announcement(topic, key));
}

/** How often the connection is tried, and how long an answer may take, in milliseconds. */
export interface FeedPatience {
  readonly beatMs: number;
  readonly answerMs: number;
}

const PATIENCE: FeedPatience = { beatMs: 2_000, answerMs: 10_000 };

/**
 * Hears changes of all processes over one direct connection. While the connection is down `connected` is false and nothing
 * may be served from a cache that relies on it; `onReset` runs when it is back, since changes were missed. A database that
 * was cut off without a word is noticed, since it is asked again and again; `onSilence` runs then.
 */
export class ChangeFeed {
  private client: pg.Client | undefined;
  private stopped = false;
  private readonly listeners = new Set<(change: Change) => void>();
  private readonly resetters = new Set<() => void>();
  private readonly silences = new Set<() => void>();
  connected = false;

  constructor(
    private readonly url: string,
    private readonly patience: FeedPatience = PATIENCE,
  ) {}

  /** Calls back for each change; returns the way to stop. */
  onChange(listener: (change: Change) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls back when changes may have been missed. */
  onReset(listener: () => void): () => void {
    this.resetters.add(listener);
    return () => this.resetters.delete(listener);
  }

  /** Calls back when the database gave no answer, and connections to it should not be waited for. */
  onSilence(listener: () => void): void {
    this.silences.add(listener);
  }

  /** Connects and keeps connected until {@link stop}. The first connection is awaited. */
  async start(): Promise<void> {
    await this.connect();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.connected = false;
    await this.client?.end().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const { answerMs } = this.patience;
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'hallmark changes',
      connectionTimeoutMillis: answerMs,
      query_timeout: answerMs,
    });
    client.on('notification', ({ payload = '' }) => this.dispatch(payload));
    client.on('error', () => this.lost(client));
    client.on('end', () => this.lost(client));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.client = client;
    this.connected = true;
    void this.beat(client);
    for (const reset of this.resetters) reset();
  }

  private async beat(client: pg.Client): Promise<void> {
    for (;;) {
      await sleep(this.patience.beatMs, undefined, { ref: false });
      if (client !== this.client || this.stopped) return;
      try {
        await client.query('select 1');
      } catch {
        // A connection that broke has said so itself.
        if (client !== this.client || this.stopped) return;
        this.lost(client);
        for (const silence of this.silences) silence();
        return;
      }
    }
  }

  private dispatch(payload: string): void {
    const space = payload.indexOf(' ');
    const change = { topic: payload.slice(0, space), key: payload.slice(space + 1) };
    for (const listener of this.listeners) listener(change);
  }

  private lost(client: pg.Client): void {
    if (client !== this.client || this.stopped) return;
    this.client = undefined;
    this.connected = false;
    log('warn', 'the change feed lost its connection; caches are off until it is back');
    void this.reconnect(client);
  }

  private async reconnect(old: pg.Client): Promise<void> {
    await old.end().catch(() => undefined);
    for (let wait = 100; !this.stopped; wait = Math.min(wait * 2, 5000)) {
      await sleep(wait);
      try {
        return await this.connect();
      } catch (error) {
        log('warn', 'the change feed cannot connect yet', { error });
      }
    }
  }
}
