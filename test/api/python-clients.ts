import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PASSWORD, type Json } from './api-process.js';

const ROOT = join(import.meta.dirname, '../..');
/** Programs of the virtual environment that scripts/install-pulp-cli.sh makes. */
export const VENV_BIN = join(ROOT, '.cache/pulp-venv/bin');
const run = promisify(execFile);

/** True when pulp-cli and the bindings are installed, or could be just now. */
export function pythonClientsReady(): boolean {
  spawnSync('sh', [join(ROOT, 'scripts/install-pulp-cli.sh')], { stdio: 'ignore', timeout: 300_000 });
  const ready = existsSync(join(VENV_BIN, 'pulp'));
  if (!ready && process.env['HALLMARK_REQUIRE_CLIENTS'] === '1') throw new Error('pulp-cli could not be installed.');
  return ready;
}

/** What a run of a client printed, and its exit code. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `pulp` for one server, with settings and caches of its own. */
export class PulpCli {
  private constructor(
    private readonly url: string,
    private readonly home: string,
  ) {}

  static async for(url: string): Promise<PulpCli> {
    return new PulpCli(url, await mkdtemp(join(tmpdir(), 'hallmark-pulp-')));
  }

  /** Runs a command as admin; a failure is a result. */
  async run(...command: string[]): Promise<Ran> {
    const options = ['--base-url', this.url, '--username', 'admin', '--password', PASSWORD, '--format', 'json'];
    return this.exec('pulp', [...options, ...command]);
  }

  /** What a command prints as JSON; a failure throws. */
  async json(...command: string[]): Promise<Json> {
    const { code, stdout, stderr } = await this.run(...command);
    if (code !== 0) throw new Error(`pulp ${command.join(' ')}: ${stderr}`);
    return (stdout.trim() === '' ? null : JSON.parse(stdout)) as Json;
  }

  /** Runs a Python program that may import the bindings. */
  async python(program: string, ...args: string[]): Promise<Ran> {
    return this.exec('python', ['-c', program, this.url, PASSWORD, ...args]);
  }

  /** Runs a Python program from a file. */
  async program(file: string, ...args: string[]): Promise<Ran> {
    return this.exec('python', [file, this.url, PASSWORD, ...args]);
  }

  async close(): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }

  private async exec(command: string, args: readonly string[]): Promise<Ran> {
    const env = { PATH: process.env['PATH'] ?? '', HOME: this.home, XDG_CACHE_HOME: this.home, LC_ALL: 'C.UTF-8' };
    try {
      const { stdout, stderr } = await run(join(VENV_BIN, command), [...args], {
        env,
        timeout: 60_000,
        maxBuffer: 2 ** 26,
      });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string };
      return { code: typeof code === 'number' ? code : 1, stdout, stderr };
    }
  }
}
