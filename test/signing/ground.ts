import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'vitest';
import { GpgHome } from '#signing/formats/simple/gpg-home.js';
import type { SignerSettings } from '#signing/services/signer.js';
import { findClient } from '../../scripts/clients.mjs';

/** The sample scripts of the project. */
export const SAMPLES = join(import.meta.dirname, '../../scripts/signing');

/** A folder for scripts and keys, a work folder, and a gpg home, for one spec file. */
export class SigningGround {
  readonly folder = mkdtempSync(join(tmpdir(), 'sg-'));
  readonly home = new GpgHome();

  get settings(): SignerSettings {
    return { workDir: join(this.folder, 'work'), scriptTimeout: 20, correlationId: 'spec' };
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string | Uint8Array, mode = 0o600): string {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
    chmodSync(this.path(name), mode);
    return this.path(name);
  }

  /** An executable script; without a first line of its own it is bash. */
  script(name: string, body: string, mode = 0o755): string {
    return this.write(name, body.startsWith('#!') ? body : `#!/usr/bin/env bash\n${body}\n`, mode);
  }

  /** A copy of a sample script, with files beside it. */
  sample(name: string, files: Readonly<Record<string, string>> = {}): string {
    const folder = `${name}.d${readdirSync(this.folder).length}`;
    for (const [file, content] of Object.entries(files)) this.write(join(folder, file), content);
    return this.write(join(folder, name), readFileSync(join(SAMPLES, name)), 0o755);
  }

  /** What runs of scripts left behind. */
  get leftovers(): string[] {
    return existsSync(this.settings.workDir) ? readdirSync(this.settings.workDir) : [];
  }

  close(): void {
    this.home.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const INSTALL: Readonly<Record<string, string>> = {
  cosignv2: 'scripts/install-clients.sh cosignv2',
  cosignv3: 'scripts/install-clients.sh cosignv3',
  notation: 'scripts/install-clients.sh notation',
};

/** The path of a real tool; without it the test is skipped, or fails where all tools must be there. */
export function requireTool(context: TestContext, name: string): string {
  const found = findClient(name);
  if (found) return found;
  const advice = `${name} is missing: ${INSTALL[name] ?? 'scripts/install-clients.sh core'}`;
  if (process.env['HALLMARK_REQUIRE_CLIENTS'] === '1') throw new Error(advice);
  return context.skip(advice);
}

/** A bash line that answers with the expected path. */
export const ANSWER = 'echo "{\\"signature_path\\": \\"$SIG_PATH\\"}"';

/** Bash that signs a payload with plain gpg; parts of the payload may be replaced. */
export function gpgScript(change: { key?: string; digest?: string; reference?: string } = {}): string {
  const digest = change.digest ?? 'sha256:$(sha256sum "$1" | cut -c 1-64)';
  const reference = change.reference ?? '$REFERENCE';
  const payload = `{\\"critical\\":{\\"identity\\":{\\"docker-reference\\":\\"${reference}\\"},\\"image\\":{\\"docker-manifest-digest\\":\\"${digest}\\"},\\"type\\":\\"atomic container signature\\"},\\"optional\\":{}}`;
  const key = change.key ?? '$PULP_SIGNING_KEY_FINGERPRINT';
  const gpg = `gpg --batch --yes --no-tty --pinentry-mode loopback --passphrase '' --local-user ${key} --sign`;
  return `set -e\nprintf %s "${payload}" | ${gpg} --output "$SIG_PATH"\n${ANSWER}`;
}
