import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A GnuPG home of its own for specs; the path is short, for agent sockets have at most 108 characters. */
export class GpgHome {
  readonly path = mkdtempSync(join(tmpdir(), 'gh-'));

  /** Runs gpg without any questions and gives what it writes. */
  gpg(args: readonly string[], input: string | Uint8Array = ''): Buffer {
    const quiet = ['--batch', '--yes', '--pinentry-mode', 'loopback', '--passphrase', '', '--no-tty'];
    return this.run('gpg', [...quiet, ...args], input);
  }

  /** Runs any tool with this home as GNUPGHOME; throws with its standard error when it fails. */
  run(tool: string, args: readonly string[], input: string | Uint8Array = ''): Buffer {
    return execFileSync(tool, [...args], { input, env: { ...process.env, GNUPGHOME: this.path }, stdio: 'pipe' });
  }

  /** Makes a key without a passphrase and gives its fingerprint. */
  newKey(email: string, algorithm: string, usage = 'sign', expires = 'never', at: readonly string[] = []): string {
    this.gpg([...at, '--quick-gen-key', email, algorithm, usage, expires]);
    const list = this.gpg(['--with-colons', '--list-keys', email]).toString();
    return /^fpr:+([0-9A-F]{40}):/m.exec(list)![1]!;
  }

  publicKey(fingerprint: string): string {
    return this.gpg(['--armor', '--export', fingerprint]).toString();
  }

  privateKey(fingerprint: string): string {
    return this.gpg(['--armor', '--export-secret-keys', fingerprint]).toString();
  }

  /** Writes a file into the home and gives its path. */
  file(name: string, bytes: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, bytes);
    return path;
  }

  /** What `skopeo standalone-verify` prints, or `refused` when it exits with 1. */
  skopeoVerify(manifest: Uint8Array, reference: string, fingerprint: string, signature: Uint8Array): string {
    const files = [this.file('manifest.json', manifest), reference, fingerprint, this.file('signature', signature)];
    try {
      return this.run('skopeo', ['standalone-verify', ...files]).toString();
    } catch (error) {
      if ((error as { status?: unknown }).status === 1) return 'refused';
      throw error;
    }
  }

  /** Ends the agent of this home and removes it. */
  close(): void {
    if (hasTool('gpgconf')) this.run('gpgconf', ['--kill', 'all']);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** True when the program answers to `--version`. */
export function hasTool(name: string): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
