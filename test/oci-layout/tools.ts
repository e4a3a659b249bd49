import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'vitest';
import { findClient } from '../../scripts/clients.mjs';

/** A folder of its own in which real clients run, with nothing of the user's settings. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'bench-'));

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  write(name: string, content: string | object): string {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), typeof content === 'string' ? content : JSON.stringify(content));
    return this.path(name);
  }

  /** Runs a client and gives all that it prints; throws with that when it fails. */
  run(name: string, ...args: string[]): string {
    const home = this.folder;
    const env = {
      PATH: process.env['PATH'],
      HOME: home,
      XDG_CONFIG_HOME: home,
      XDG_CACHE_HOME: home,
      XDG_RUNTIME_DIR: home,
      DOCKER_CONFIG: home,
      TMPDIR: home,
      COSIGN_PASSWORD: '',
      NOTATION_EXPERIMENTAL: '1',
    };
    const program = findClient(name) ?? name;
    return execFileSync(program, args, { cwd: home, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Skips a test whose clients are missing, unless they must be there. */
export function requireTools(context: TestContext, ...names: string[]): void {
  const missing = names.filter((name) => !findClient(name));
  if (missing.length > 0 && process.env['HALLMARK_REQUIRE_CLIENTS'] !== '1')
    context.skip(`needs ${missing.join(', ')}: scripts/install-clients.sh`);
}
