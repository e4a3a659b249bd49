// The quick start of the README, typed as it stands there. `npm start` is a server that runs already.
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, startStandalone, type Standalone } from '../main-path/standalone-process.js';
import { missing, openStage, ROOT, type Stage } from './stage.js';

const lacking = missing('podman', 'skopeo', 'gpg');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')}: scripts/install-clients.sh core)` : '';

/** The sh blocks of a section of a page. */
async function blocksOf(page: string, heading: string): Promise<string[]> {
  const text = await readFile(join(ROOT, page), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, commands]) => commands!);
}

describe.skipIf(lacking.length > 0)(`the quick start${needs}`, () => {
  let hallmark: Standalone;
  let stage: Stage;
  let key: string;

  beforeAll(async () => {
    stage = await openStage();
    hallmark = await startStandalone({ GNUPGHOME: stage.env['GNUPGHOME']! });
    const loader = join(ROOT, 'test/tasks/typescript-hooks.mjs');
    const settings = `HALLMARK_DATA_DIR='${hallmark.dataDir}' HALLMARK_PORT=${hallmark.host.split(':')[1]!}`;
    // The command from source, on the data of the running server.
    await stage.write(
      'bin/npx',
      `#!/bin/sh\n[ "$1" = hallmark ] || exit 9\nshift\nexport ${settings}\nexec '${process.execPath}' --import '${loader}' '${join(ROOT, 'apps/admin/main.ts')}' "$@"\n`,
    );
    await mkdir(stage.path('work/scripts'));
    await symlink(join(ROOT, 'scripts/signing'), stage.path('work/scripts/signing'));
    await stage.sh(`chmod +x ../bin/npx
      gpg --batch --pinentry-mode loopback --passphrase '' --quick-generate-key me@example.com rsa2048 sign never
      echo content > file; tar -cf file.tar file; podman import -q file.tar localhost/app`);
    key = (
      await stage.sh(`gpg --batch --with-colons --list-keys | sed -n 's/^pub:[^:]*:[^:]*:[^:]*:\\([^:]*\\):.*/\\1/p'`)
    ).trim();
  });
  afterAll(async () => {
    await hallmark?.stop();
    await stage?.close();
  });

  it('works command by command, and the image is then accepted by its key only', async () => {
    const [start, ...blocks] = await blocksOf('README.md', 'Quick start');
    expect(start).toBe('npm start\n');
    expect(blocks.length).toBeGreaterThanOrEqual(3);
    const typed = blocks
      .join('\n')
      .replaceAll('127.0.0.1:24817', hallmark.host)
      .replaceAll('HALLMARK_PASSWORD=…', `HALLMARK_PASSWORD='${PASSWORD}'`)
      .replaceAll('YOUR-KEY-ID', key)
      .replaceAll(/\bIMAGE\b/g, 'localhost/app');
    expect(typed).not.toMatch(/…|24817/);
    const said = await stage.sh(typed);
    expect(said).toContain('Successfully added signing service release');
    expect(said).toContain('1 signed');
    expect(said).toContain('Verified.');
    await stage.sh(`gpg --batch --pinentry-mode loopback --passphrase '' --quick-generate-key b@example.com rsa2048 sign never
      gpg --armor --export b@example.com > release.asc`);
    const last = typed.trim().split('\n').at(-1)!;
    expect(last).toMatch(/^podman pull/);
    expect(await stage.attempt(last)).not.toMatchObject({ code: 0 });
  });
});
