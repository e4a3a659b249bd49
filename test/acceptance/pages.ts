import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { startStandalone, type Standalone } from '../main-path/standalone-process.js';
import { openStage, type Programs, ROOT, type Stage } from './stage.js';

/** A terminal in a checkout, beside a running server: `npx hallmark` is the command on the data of that server. */
export interface Reader {
  readonly stage: Stage;
  readonly hallmark: Standalone;
  /** The 16 digits of an OpenPGP key that has no password. */
  readonly key: string;
  close(): Promise<void>;
}

/** Sits down in front of a page; an image `localhost/app` is there. */
export async function openReader(programs: Programs = {}, settings: Record<string, string> = {}): Promise<Reader> {
  const stage = await openStage(programs);
  const { PATH, GNUPGHOME } = stage.env;
  const hallmark = await startStandalone({ PATH: PATH!, GNUPGHOME: GNUPGHOME!, ...settings });
  const loader = join(ROOT, 'test/tasks/typescript-hooks.mjs');
  const where = `HALLMARK_DATA_DIR='${hallmark.dataDir}' HALLMARK_PORT=${hallmark.host.split(':')[1]!}`;
  const command = `'${process.execPath}' --import '${loader}' '${join(ROOT, 'apps/admin/main.ts')}'`;
  await stage.write(
    'bin/npx',
    `#!/bin/sh\n[ "$1" = hallmark ] || exit 9\nshift\nexport ${where}\nexec ${command} "$@"\n`,
  );
  await mkdir(stage.path('work/scripts'));
  await symlink(join(ROOT, 'scripts/signing'), stage.path('work/scripts/signing'));
  await stage.sh(`chmod +x ../bin/npx; ${newKey('me@example.com')}
    echo content > file; tar -cf file.tar file; podman import -q file.tar localhost/app`);
  const fields = await stage.sh('gpg --batch --with-colons --list-keys | grep ^pub');
  return {
    stage,
    hallmark,
    key: fields.split(':')[4]!,
    async close() {
      await hallmark.stop();
      await stage.close();
    },
  };
}

/** The line that makes an OpenPGP key without a password. */
export const newKey = (name: string) =>
  `gpg --batch --pinentry-mode loopback --passphrase '' --quick-generate-key ${name} rsa2048 sign never`;

/** The blocks of one language in a page, or in one section of it. */
export async function blocksOf(page: string, language: string, heading?: string): Promise<string[]> {
  const text = await readFile(join(ROOT, page), 'utf8');
  const part =
    heading === undefined ? text : (text.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? '');
  return [...part.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, block]) => block!);
}
