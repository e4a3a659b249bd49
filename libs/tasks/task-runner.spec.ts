import { expect, it } from 'vitest';
import { Metrics } from '#platform/metrics.js';
import { TaskRunner } from './task-runner.js';

it('the counters of a process that runs tasks begin at 0, so that the first failure is an increase', async () => {
  expect(TaskRunner).toBeDefined();
  const text = await new Metrics().text();
  for (const state of ['completed', 'failed', 'canceled'])
    expect(text).toContain(`hallmark_events_total{event="task_${state}"} 0`);
  expect(text).toContain('hallmark_metric_read_errors_total{metric="hallmark_events_total"} 0');
});
