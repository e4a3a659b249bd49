import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { DataSource } from 'typeorm';
import { CONFIG, type HallmarkConfig } from './config.js';
import { poolOf } from './database.js';
import { Health } from './health.js';
import { observeRequests } from './metrics-requests.js';
import { Metrics } from './metrics.js';

/** `/livez`, `/readyz` and `/metrics` of one process, and the {@link Metrics} and {@link Health} that others add to. */
@Module({
  providers: [
    { provide: Health, useFactory: () => new Health() },
    { provide: Metrics, useFactory: () => new Metrics() },
  ],
  exports: [Health, Metrics],
})
export class HealthModule implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly source: DataSource,
    private readonly health: Health,
    private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  onModuleInit(): void {
    const server = this.host.httpAdapter.getInstance<FastifyInstance>();
    this.health.add('database', () => this.source.query('select 1'));
    serveHealth(server, this.health);
    if (!this.config.metrics) return;
    this.metrics.watchProcess();
    observeRequests(server, this.metrics);
    observePool(this.source, this.metrics);
    server.get('/metrics', async (_request, reply) => {
      void reply.header('Content-Type', this.metrics.contentType).header('Cache-Control', 'no-store');
      return this.metrics.text();
    });
  }
}

/** `/livez` answers while the process turns; `/readyz` only while it can do its work. */
function serveHealth(server: FastifyInstance, health: Health): void {
  server.get('/livez', async (_request, reply) => reply.header('Cache-Control', 'no-store').send({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    const report = await health.report();
    void reply.header('Cache-Control', 'no-store');
    if (report.status !== 'ok') void reply.status(503).header('Retry-After', '5');
    return report;
  });
}

function observePool(source: DataSource, metrics: Metrics): void {
  const definition = {
    name: 'hallmark_database_connections',
    help: 'Connections of this process by state; waiting are requests for one.',
    labels: ['state'],
  };
  metrics.gauge(definition, () => {
    const { totalCount, idleCount, waitingCount } = poolOf(source);
    return [
      { labels: { state: 'used' }, value: totalCount - idleCount },
      { labels: { state: 'idle' }, value: idleCount },
      { labels: { state: 'waiting' }, value: waitingCount },
    ];
  });
}
