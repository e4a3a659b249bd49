// npm test: sets everything up, then runs every test. Options and names of spec files are handed to the test runner.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildSources, installPackages, requireNode, root, runtime } from './set-up.mjs';
import { missingClients } from './clients.mjs';

requireNode();
installPackages();
buildSources();

const missing = missingClients();
if (missing.length > 0) {
  console.log(`Real clients that are missing, and how to get them (their tests are skipped):`);
  for (const { name, install } of missing) console.log(`  ${name.padEnd(16)} ${install}`);
  if (process.env.HALLMARK_REQUIRE_CLIENTS === '1') {
    console.error('HALLMARK_REQUIRE_CLIENTS=1: a missing client is a failure.');
    process.exit(1);
  }
}

const report = join(root, 'var', 'test-report.json');
mkdirSync(join(root, 'var'), { recursive: true });
rmSync(report, { force: true });
const runner = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const words = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)];
const { status } = spawnSync(runtime(), [runner, ...words], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}` },
});
if (existsSync(report)) {
  const { numPassedTests, numFailedTests, numPendingTests, numTotalTestSuites, numFailedTestSuites } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  const failed = numFailedTests + (numFailedTests === 0 && status !== 0 ? Math.max(1, numFailedTestSuites) : 0);
  if (numTotalTestSuites === 0) console.error('no test was found');
  console.log(`${numPassedTests} passed, ${failed} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''}`);
}
process.exit(status ?? 1);
