// The rules of docs/metrics.md, judged by Prometheus' own tool: each fires in its case, and none while all is well.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { findClient } from '../../scripts/clients.mjs';
import { blocksOf } from '../acceptance/pages.js';
import { needing } from '../real-clients.js';
import { runTool } from './run-tool.js';

const promtool = findClient('promtool');
const clients = needing('promtool');

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[];
}

/** What the processes show for fifteen hours, minute by minute, while all is well. */
const WELL: Readonly<Record<string, string>> = {
  'hallmark_processes{kind="worker"}': '2x900',
  hallmark_task_oldest_waiting_seconds: '1x900',
  'hallmark_events_total{event="task_failed"}': '0+0x900',
  'hallmark_http_request_duration_seconds_count{status="5xx"}': '0+0x900',
  nodejs_eventloop_lag_p99_seconds: '0.02x900',
  hallmark_collector_completed_timestamp_seconds: '0+60x900',
};

/** The case of each alert: what is shown instead. */
const CASES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  HallmarkNoWorker: { 'hallmark_processes{kind="worker"}': '0x900' },
  HallmarkTasksWait: { hallmark_task_oldest_waiting_seconds: '601x900' },
  HallmarkTasksFail: { 'hallmark_events_total{event="task_failed"}': '0+1x900' },
  HallmarkErrors: { 'hallmark_http_request_duration_seconds_count{status="5xx"}': '0+60x900' },
  HallmarkSlow: { nodejs_eventloop_lag_p99_seconds: '0.6x900' },
  HallmarkCollectorStopped: { hallmark_collector_completed_timestamp_seconds: '1x900' },
};

describe.skipIf(clients.skip)(`the alerts of docs/metrics.md${clients.note}`, () => {
  let folder: string;
  let names: readonly string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hallmark-alerts-'));
    const [scrape, rules, ...more] = await blocksOf('docs/metrics.md', 'yaml');
    expect(more).toEqual([]);
    names = (parse(rules!) as Rules).groups.flatMap((group) => group.rules.map(({ alert }) => alert));
    await writeFile(join(folder, 'prometheus.yml'), scrape!);
    await writeFile(join(folder, 'rules.yml'), rules!);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const check = (...words: string[]) => runTool(promtool!, words, { cwd: folder });

  /** Lets Prometheus live through thirteen hours of these series, and expects just these alerts at their end. */
  const live = async (series: Readonly<Record<string, string>>, firing: readonly string[]) => {
    const test = {
      rule_files: ['rules.yml'],
      tests: [
        {
          interval: '1m',
          input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
          alert_rule_test: names.map((alertname) => ({
            eval_time: '13h',
            alertname,
            exp_alerts: firing.includes(alertname) ? [{}] : [],
          })),
        },
      ],
    };
    await writeFile(join(folder, 'test.yml'), stringify(test));
    return check('test', 'rules', 'test.yml');
  };

  it('and its scrape configuration are read by Prometheus', async () => {
    for (const words of [
      ['check', 'config', 'prometheus.yml'],
      ['check', 'rules', '--lint-fatal', 'rules.yml'],
    ]) {
      const { code, output } = await check(...words);
      expect(code, output).toBe(0);
    }
  });

  it('are silent while all is well', async () => {
    expect(await live(WELL, [])).toMatchObject({ code: 0 });
  });

  it('have a case here, each of them', () => {
    expect(Object.keys(CASES)).toEqual(names);
  });

  it.each(Object.entries(CASES))('%s fires in its case, and alone', async (name, changes) => {
    const { code, output } = await live({ ...WELL, ...changes }, [name]);
    expect(code, output).toBe(0);
  });

  it('miss no process that is gone with all its numbers', async () => {
    const { 'hallmark_processes{kind="worker"}': _gone, ...rest } = WELL;
    expect(await live(rest, ['HallmarkNoWorker'])).toMatchObject({ code: 0 });
  });
});
