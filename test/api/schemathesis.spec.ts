import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, startStandalone, type Standalone } from '../main-path/standalone-process.js';
import { pythonClientsReady, VENV_BIN } from './python-clients.js';

/** Cases for each operation beside those that cover every parameter; the whole run takes about a minute and a half. */
const EXAMPLES = 5;
/** It hangs, and is not only slow, when it takes longer. */
const BOUND_MS = 600_000;
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
];

describe.runIf(pythonClientsReady())('schemathesis over the whole document', () => {
  let hallmark: Standalone;
  beforeAll(async () => {
    hallmark = await startStandalone({ HALLMARK_LOG_LEVEL: 'error' });
  });
  afterAll(() => hallmark?.stop());

  const fuzz = (document: string) =>
    new Promise<{ code: number | null; output: string }>((done) => {
      const words = [
        ['--config-file', join(import.meta.dirname, 'clients/schemathesis.toml')],
        ['run', document, '--url', hallmark.url, '--auth', `admin:${PASSWORD}`],
        ['--phases', 'coverage,fuzzing', '--checks', CHECKS.join(','), '--max-examples', String(EXAMPLES)],
        ['--seed', '7', '--workers', '2', '--continue-on-failure', '--no-shrink', '--suppress-health-check', 'all'],
        ['--warnings', 'off', '--output-sanitize', 'false'],
      ].flat();
      const child = spawn(join(VENV_BIN, 'schemathesis'), words, { cwd: hallmark.dataDir, timeout: BOUND_MS });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
      child.on('close', (code) => done({ code, output }));
    });

  it(
    'finds no failure of the server, no answer that is not documented and none of another shape',
    async () => {
      const answer = await fetch(`${hallmark.url}/pulp/api/v3/docs/api.json?pk_path=1`);
      const document = join(hallmark.dataDir, 'api.json');
      await writeFile(document, await answer.text());
      const { code, output } = await fuzz(document);
      const failures = output.slice(Math.max(output.indexOf('= FAILURES ='), output.indexOf('= ERRORS ='), 0));
      expect([code, code === 0 ? '' : failures.slice(0, 20_000)]).toEqual([0, '']);
      const cases = Number(/(\d+) generated/.exec(output)?.[1]);
      expect(cases).toBeGreaterThan(10_000);
      expect(hallmark.output()).not.toMatch(/"level":"error"/);
    },
    BOUND_MS + 30_000,
  );
});
