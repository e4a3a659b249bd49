// The Makefile walks from CI to production by itself.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../free-port.js';
import { run } from '../main-path/standalone-process.js';
import { needing } from '../real-clients.js';
import { openStage, ROOT, type Stage } from './stage.js';

const clients = needing('make', 'notation', 'oras', 'skopeo', 'openssl', 'curl', 'jq');

let stage: Stage;
beforeAll(async () => {
  const programs = { notation: 'notation', oras: 'oras', docker: join(import.meta.dirname, 'docker-replay.sh') };
  stage = await openStage(programs, { HALLMARK_CLIENTS: process.env['HALLMARK_CLIENTS'] ?? join(ROOT, '.clients') });
});
afterAll(() => stage?.close());

describe.skipIf(clients.skip)(`the Makefile${clients.note}`, () => {
  const make = (words: string) => stage.attempt(`make --no-print-directory -C '${ROOT}' ${words}`);

  it('000-1 make without a target prints the targets, each with a line of help', async () => {
    const { code, stdout } = await make('');
    expect(code).toBe(0);
    for (const target of ['help', 'start', 'test', 'clean', 'moving'])
      expect(stdout).toMatch(new RegExp(`make ${target} +\\S.{10}`));
  });

  let words: string;
  let production: string;
  beforeAll(async () => {
    const [one, two] = [await freePort(), await freePort()];
    production = `127.0.0.1:${two}`;
    words = `CI_PORT=${one} PRODUCTION_PORT=${two} MOVING='${stage.path('moving')}'`;
  });
  afterAll(() => make(`clean ${words}`));

  it('000-2 make moving walks through all of it between two registries, and make test does that before the tests', async () => {
    expect((await make('--dry-run test')).stdout).toMatch(/walk-moving\.sh[^]*npm test/);
    const walked = await make(`moving ${words}`);
    expect(walked, walked.stdout + walked.stderr).toMatchObject({ code: 0 });
    expect(walked.stdout).toContain(`Successfully verified signature for ${production}/busybox@sha256:`);
    expect(walked.stdout).toContain('"verified": true');
    expect((await fetch(`http://${production}/v2/busybox/tags/list`)).status).toBe(200);
    const taken = `MOVING='${stage.path('taken')}' CI_PORT=${production.split(':')[1]!}`;
    const failed = await make(`moving ${taken}`);
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toContain('the ci registry did not start');
    await make(`clean ${taken}`);
  }, 400_000);

  it('000-3 make clean, typed twice, leaves nothing', async () => {
    for (const _time of [1, 2]) expect(await make(`clean ${words}`)).toMatchObject({ code: 0 });
    expect(existsSync(stage.path('moving'))).toBe(false);
    await expect(fetch(`http://${production}/v2/`)).rejects.toThrow();
    expect(await run('pgrep', ['-f', stage.path('moving')], stage.env)).toMatchObject({ code: 1 });
  });
});
