// npm run migration -- generate NAME: writes the migration that brings the last one to what the entities say.
// npm run migration -- check: fails when such a migration would not be empty. Both use a throw-away database.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSources, installPackages, root, runtime } from './set-up.mjs';

const [command, name] = process.argv.slice(2);
if (!['generate', 'check'].includes(command) || (command === 'generate' && !/^[A-Z][A-Za-z]+$/.test(name ?? ''))) {
  console.error('Usage: npm run migration -- generate NameInPascalCase | npm run migration -- check');
  process.exit(2);
}
installPackages();
buildSources();

const { startEmbeddedPostgres } = await import(join(root, 'dist', 'libs', 'platform', 'embedded-postgres.js'));
const folder = mkdtempSync(join(tmpdir(), 'hallmark-migration-'));
const postgres = await startEmbeddedPostgres(folder, { fsync: 'off' });
let status = 1;
try {
  status =
    typeorm('migration:run') ||
    typeorm(
      ...(command === 'check'
        ? ['migration:generate', '--check', '-p', 'migrations/Check']
        : ['migration:generate', '-p', `migrations/${name}`]),
    );
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(status);

function typeorm(action, ...words) {
  const cli = join(root, 'node_modules', 'typeorm', 'cli.js');
  const options = [cli, action, ...words, '-d', join(root, 'dist', 'migrations', 'data-source.js')];
  const { status: code } = spawnSync(runtime(), options, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, DATABASE_URL: postgres.url },
  });
  return code ?? 1;
}
