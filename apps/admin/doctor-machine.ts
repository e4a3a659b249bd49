import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { HallmarkConfig } from '#platform/config.js';
import { messageOf } from '#platform/domain-error.js';
import { makeFolder } from '#platform/make-folder.js';
import { digestOf } from '#oci/digest.js';
import { blobStoreOf } from '#storage/blob-store-of.js';
import type { Finding } from './doctor.js';

const GIBIBYTE = 1024 ** 3;

/** Whether bytes can be stored and taken away again. */
export async function checkStorage(config: HallmarkConfig): Promise<Finding> {
  const where = config.storage === 'file' ? config.dataDir : `bucket ${config.s3Bucket}`;
  const fix =
    config.storage === 'file'
      ? `Let this user write to ${config.dataDir}, or set HALLMARK_DATA_DIR.`
      : 'Check S3_BUCKET, S3_ENDPOINT and the keys, and that they may put and delete objects.';
  try {
    await (config.storage === 'file' ? writeProbe(config.dataDir) : putProbe(config));
  } catch (error) {
    return { name: 'storage', state: 'failure', detail: `${where}: ${messageOf(error)}`, fix };
  }
  const free = config.storage === 'file' ? await freeBytes(config.dataDir) : Infinity;
  if (free >= GIBIBYTE)
    return {
      name: 'storage',
      state: 'ok',
      detail: `${where} can be written${free === Infinity ? '' : `, ${Math.floor(free / GIBIBYTE)} GiB free`}`,
    };
  const detail = `${where} has ${Math.floor(free / 1024 ** 2)} MiB left`;
  return { name: 'storage', state: 'warning', detail, fix: 'Make room: pushes are refused when it is full.' };
}

async function writeProbe(folder: string): Promise<void> {
  await makeFolder(folder);
  const probe = join(folder, `.probe-${process.pid}`);
  await writeFile(probe, 'probe', { flush: true });
  await rm(probe);
}

async function putProbe(config: HallmarkConfig): Promise<void> {
  const store = await blobStoreOf(config);
  const bytes = randomBytes(16);
  await store.putBytes(digestOf(bytes), bytes);
  await store.remove(digestOf(bytes));
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

interface Tool {
  readonly program: string;
  readonly version: readonly string[];
  readonly use: string;
  readonly fix: string;
}

const TOOLS: readonly Tool[] = [
  { program: 'gpg', version: ['--version'], use: 'OpenPGP keys of signing scripts', fix: 'apt-get install gnupg' },
  { program: 'skopeo', version: ['--version'], use: 'scripts that call it', fix: 'apt-get install skopeo' },
  {
    program: 'cosign',
    version: ['version'],
    use: 'scripts that call it',
    fix: 'See https://docs.sigstore.dev/cosign/system_config/installation/',
  },
  {
    program: 'notation',
    version: ['version'],
    use: 'scripts that call it',
    fix: 'See https://notaryproject.dev/docs/user-guides/installation/',
  },
];

/** Which signing tools are here. None is needed for built-in signers. */
export function checkTools(environment: NodeJS.ProcessEnv): Promise<Finding[]> {
  return Promise.all(TOOLS.map((tool) => checkTool(tool, environment)));
}

async function checkTool({ program, version, use, fix }: Tool, environment: NodeJS.ProcessEnv): Promise<Finding> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...version], { timeout: 10_000, env: environment });
    // A tool built by hand may name no version but that of its Go (`go1.26.8`).
    const number = /(?<!\w)v?\d+\.\d+\.\d+\S*/.exec(stdout + stderr)?.[0];
    return { name: program, state: 'ok', detail: number ?? 'is installed' };
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const detail = missing ? `is not installed (for ${use})` : `does not run: ${messageOf(error)}`;
    return { name: program, state: 'warning', detail, fix };
  }
}
