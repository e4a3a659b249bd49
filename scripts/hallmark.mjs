#!/usr/bin/env node
// npx hallmark: the operator's command, on the Node that the project brings along.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildSources, installPackages, requireNode, root, runtime } from './set-up.mjs';

requireNode();
installPackages();
buildSources();
const program = join(root, 'dist', 'apps', 'admin', 'main.js');
const { status, signal } = spawnSync(runtime(), ['--enable-source-maps', program, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exit(signal ? 1 : (status ?? 1));
