import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { Metrics } from '#platform/metrics.js';
import { FastPath } from './fast-path/fast-path.js';

/** Shows how many pulls were answered in front of the framework; the request histogram knows only the others. */
@Injectable()
export class RegistryMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: Metrics,
    private readonly modules: ModuleRef,
  ) {}

  onModuleInit(): void {
    const { counts } = this.modules.get(FastPath, { strict: false });
    const definition = {
      name: 'hallmark_fast_path_requests_total',
      help: 'Pulls looked at in front of the framework: hit was answered from memory, miss loaded, passed went on.',
      labels: ['outcome'],
    };
    this.metrics.counter(definition, () => [
      { labels: { outcome: 'hit' }, value: counts.hits },
      { labels: { outcome: 'miss' }, value: counts.misses },
      { labels: { outcome: 'passed' }, value: counts.passed },
    ]);
  }
}
