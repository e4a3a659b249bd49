// npm run bench -- [CASE …] [--seconds N] [--rounds N] [--mib N] [--count N]: measures, and writes markdown tables.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildSources, installPackages, requireNode, root, runtime } from './set-up.mjs';

requireNode();
installPackages();
buildSources();
const { status } = spawnSync(runtime(), [join(root, 'dist', 'bench', 'main.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
