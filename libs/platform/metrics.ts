import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { tallies } from './metrics-tally.js';

/** One number of a metric. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a metric is called and what it tells; names end in their unit, counters in `_total`. */
export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

type Read = () => readonly Sample[] | Promise<readonly Sample[]>;

/** The numbers of one process for Prometheus. Labels have few values: never a repository, a digest or a user. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly failures: Counter<'metric'>;

  constructor() {
    this.failures = new Counter({
      name: 'hallmark_metric_read_errors_total',
      help: 'Readings that failed; the metric is left out of that answer.',
      labelNames: ['metric'],
      registers: [this.registry],
    });
    this.counter({ name: 'hallmark_events_total', help: 'Events counted in this process.', labels: ['event'] }, () =>
      tallies().map(({ event, count }) => ({ labels: { event }, value: count })),
    );
  }

  /** Adds what Node says of itself: memory, CPU, event loop lag, garbage collection. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.registry });
    // Sums of what is shown by type, under names that Prometheus keeps for counters.
    for (const what of ['handles', 'requests', 'resources'])
      this.registry.removeSingleMetric(`nodejs_active_${what}_total`);
  }

  /** A number that goes up and down, read when somebody asks. */
  gauge(definition: MetricDefinition, read: Read): void {
    this.failures.inc({ metric: definition.name }, 0);
    const gauge: Gauge = new Gauge({
      ...described(definition),
      registers: [this.registry],
      collect: () => this.fill(definition.name, gauge, read, (labels, value) => gauge.set(labels, value)),
    });
  }

  /** A number that only grows, kept elsewhere and read when somebody asks. */
  counter(definition: MetricDefinition, read: Read): void {
    this.failures.inc({ metric: definition.name }, 0);
    const counter: Counter = new Counter({
      ...described(definition),
      registers: [this.registry],
      collect: () => this.fill(definition.name, counter, read, (labels, value) => counter.inc(labels, value)),
    });
  }

  /** A distribution; `buckets` are upper bounds. */
  histogram(definition: MetricDefinition, buckets: readonly number[]): Histogram {
    return new Histogram({ ...described(definition), buckets: [...buckets], registers: [this.registry] });
  }

  /** Content type of {@link text}. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** Everything in the text format of Prometheus. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  private async fill(
    name: string,
    metric: { reset(): void },
    read: Read,
    put: (labels: Record<string, string>, value: number) => void,
  ): Promise<void> {
    metric.reset();
    try {
      for (const { labels = {}, value } of await read()) put({ ...labels }, value);
    } catch {
      // The database may be away; that must not hide the other numbers.
      metric.reset();
      this.failures.inc({ metric: name });
    }
  }
}

const described = ({ name, help, labels = [] }: MetricDefinition) => ({ name, help, labelNames: [...labels] });
