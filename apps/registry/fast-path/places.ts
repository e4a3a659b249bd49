import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { DataSource } from 'typeorm';
import { refreshDistributions } from '#content/distributions/find-distribution.js';
import { type KnownPath, knowPath } from '#content/distributions/path-rights.js';
import { type Change, ChangeFeed } from '#platform/change-feed.js';
import { Place } from './place.js';

const MOST_PLACES = 10_000;
const REFRESH_MS = 500;
const MOST_TRIES = 3;

/**
 * The places of this process. They are read again when a change is announced, when this process has written, and twice a
 * second while they are in use, so that a lost announcement is noticed within a second.
 */
@Injectable()
export class Places implements BeforeApplicationShutdown {
  private readonly places = new LRUCache<string, Place>({
    max: MOST_PLACES,
    dispose: (place) => this.unlink(place),
  });
  private readonly byRepository = new Map<string, Set<Place>>();
  private readonly flights = new Map<string, Promise<unknown>>();
  private readonly stops: (() => void)[];
  private readonly timer: NodeJS.Timeout;
  private versions = 0;
  private refreshing = false;

  constructor(
    private readonly source: DataSource,
    private readonly feed: ChangeFeed,
  ) {
    this.stops = [feed.onChange((change) => this.heard(change)), feed.onReset(() => this.doubtAll())];
    this.timer = setInterval(() => void this.refresh(), REFRESH_MS).unref();
  }

  /** False while changes may be missed. */
  get reliable(): boolean {
    return this.feed.connected;
  }

  /** The place behind a name, read now unless it is fresh; undefined when the slow path has to say what is there. */
  async current(name: string): Promise<Place | undefined> {
    const place = this.placeOf(name);
    place.used = true;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const now = performance.now();
      if (place.isFresh(now)) return place;
      if (place.isElsewhere(now)) return undefined;
      await this.check(place);
    }
    return undefined;
  }

  /**
   * What stands at a name, for those who write: where it goes and what rights hang on. What it says of the content may be
   * old. Nothing is kept of names where nothing plain is served.
   */
  async path(name: string): Promise<KnownPath> {
    if (!this.reliable) return knowPath(this.source, name);
    const place = this.placeOf(name);
    place.used = true;
    return place.path(performance.now()) ?? this.read(place);
  }

  /** What {@link path} has in memory: whoever asks cannot tell by the time it takes whether there is anything. */
  known(name: string): KnownPath | undefined {
    const place = this.reliable ? this.places.get(name) : undefined;
    if (place) place.used = true;
    return place?.path(performance.now());
  }

  /** Content that was written under a name is seen by the next reader. */
  doubt(name: string): void {
    const place = this.places.peek(name);
    place?.doubtContent();
    for (const other of this.sharing(place?.repositoryId)) other.doubtContent();
  }

  /** Anything may have changed. */
  doubtAll(): void {
    for (const place of this.places.values()) place.doubt();
  }

  /** Reads the places in use again, with one query. */
  async refresh(): Promise<void> {
    if (this.refreshing || !this.feed.connected) return;
    this.refreshing = true;
    try {
      const inUse = [...this.places.values()].filter((place) => place.used && place.distributionId !== undefined);
      for (const place of inUse) place.used = false;
      if (inUse.length > 0) await this.refreshThese(inUse);
    } catch {
      // The places grow stale and are read one by one when they are asked for; that reading says what is wrong.
    } finally {
      this.refreshing = false;
    }
  }

  /** Stops listening and refreshing. */
  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
    for (const stop of this.stops) stop();
  }

  private async refreshThese(places: readonly Place[]): Promise<void> {
    const since = performance.now();
    const before = places.map(({ epoch, pathEpoch }) => ({ epoch, pathEpoch }));
    const rows = await refreshDistributions(
      this.source,
      places.map((place) => place.distributionId!),
    );
    const found = new Map(rows.map((row) => [row.distributionId, row]));
    for (const [at, place] of places.entries()) {
      const served = found.get(place.distributionId!);
      if (place.pathEpoch === before[at]!.pathEpoch) place.refreshPath(served, since);
      if (place.epoch === before[at]!.epoch) this.teach(place, () => place.learn(served, since, this.next));
    }
  }

  /** Readers of one place share a reading, but never one that began before the place was doubted. */
  private check(place: Place): Promise<unknown> {
    const key = `${place.epoch} ${place.name}`;
    const running = this.flights.get(key);
    if (running) return running;
    const flight = this.read(place).finally(() => this.flights.delete(key));
    this.flights.set(key, flight);
    return flight;
  }

  private async read(place: Place): Promise<KnownPath> {
    const since = performance.now();
    const { epoch, pathEpoch } = place;
    const path = await knowPath(this.source, place.name);
    if (place.pathEpoch === pathEpoch) place.learnPath(path, since);
    if (place.epoch === epoch) this.teach(place, () => place.learn(path.served, since, this.next, path.target));
    return path;
  }

  private readonly next = (): number => (this.versions += 1);

  private teach(place: Place, learn: () => void): void {
    const before = place.repositoryId;
    learn();
    if (before === place.repositoryId) return;
    this.unlink(place, before);
    if (place.repositoryId === undefined || this.places.peek(place.name) !== place) return;
    const sharing = this.byRepository.get(place.repositoryId) ?? new Set();
    this.byRepository.set(place.repositoryId, sharing.add(place));
  }

  private unlink(place: Place, repositoryId = place.repositoryId): void {
    const sharing = this.sharing(repositoryId);
    if (sharing.delete(place) && sharing.size === 0) this.byRepository.delete(repositoryId!);
  }

  private sharing(repositoryId: string | undefined): Set<Place> {
    return (repositoryId === undefined ? undefined : this.byRepository.get(repositoryId)) ?? new Set();
  }

  private placeOf(name: string): Place {
    const known = this.places.get(name);
    if (known) return known;
    const place = new Place(name);
    this.places.set(name, place);
    return place;
  }

  private heard({ topic, key }: Change): void {
    if (topic === 'repository') for (const place of this.sharing(key)) place.doubtContent();
    if (topic !== 'distributions') return;
    const place = this.places.peek(key);
    if (place) place.doubt();
    // Not a path that is known here: perhaps an id, or the path that a distribution had before.
    else if (!key.includes('/')) this.doubtAll();
  }
}
