import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { invalid } from '#platform/domain-error.js';

const run = promisify(execFile);

/** Longest that gpg may take, in milliseconds. */
const TIME_LIMIT = 30_000;

/** Where gpg looks for a key. */
export interface KeyRing {
  readonly gnupgHome?: string;
  readonly keyring?: string;
}

/** A public key out of a gpg key ring: armored, with the 40-digit fingerprint of its primary key. */
export interface ExportedKey {
  readonly publicKey: string;
  readonly fingerprint: string;
}

/**
 * Finds exactly one key by 16- or 40-digit id, of the primary key or a subkey, or by anything else that gpg resolves, and
 * exports it. Throws an invalid DomainError with gpg's own words.
 */
export async function exportGpgKey(key: string, ring: KeyRing): Promise<ExportedKey> {
  if (key === '' || key.startsWith('-')) throw invalid(`'${key}' is not a key id.`, 'key');
  const place = [
    ...(ring.gnupgHome ? ['--homedir', ring.gnupgHome] : []),
    ...(ring.keyring ? ['--keyring', ring.keyring] : []),
  ];
  const listing = await gpg([
    ...place,
    '--batch',
    '--with-colons',
    '--fingerprint',
    '--fingerprint',
    '--list-keys',
    '--',
    key,
  ]);
  const records = listing.split('\n').map((line) => line.split(':'));
  const primaries = records.filter(([type]) => type === 'pub');
  if (primaries.length !== 1) throw invalid(`There are ${primaries.length} keys matching the key id.`, 'key');
  requireUsable(primaries[0]!, key);
  const fingerprint = records.slice(records.indexOf(primaries[0]!)).find(([type]) => type === 'fpr')?.[9];
  if (!fingerprint) throw invalid(`gpg shows no fingerprint for the key '${key}'.`, 'key');
  const publicKey = await gpg([...place, '--batch', '--armor', '--export', '--', fingerprint]);
  if (publicKey.trim() === '') throw invalid(`gpg exported nothing for the key '${key}'.`, 'key');
  return { publicKey, fingerprint: fingerprint.toUpperCase() };
}

const VALIDITY: Readonly<Record<string, string>> = {
  e: 'has expired',
  r: 'is revoked',
  d: 'is disabled',
  i: 'is invalid',
};

function requireUsable(record: readonly string[], key: string): void {
  const problem = VALIDITY[record[1] ?? ''];
  if (problem) throw invalid(`The key '${key}' ${problem}.`, 'key', record[1] === 'e' ? 'KEY_EXPIRED' : 'KEY_REVOKED');
}

async function gpg(options: string[]): Promise<string> {
  try {
    const { stdout } = await run('gpg', options, { timeout: TIME_LIMIT, maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const { stderr, code, killed } = error as { stderr?: string; code?: string | number; killed?: boolean };
    if (code === 'ENOENT')
      throw invalid('gpg is not installed; it is needed to read the public key (apt-get install gnupg).', 'key');
    if (killed)
      throw invalid(`gpg did not end within ${TIME_LIMIT / 1000} seconds; look for what it waits for.`, 'key');
    throw invalid((stderr ?? '').trim() || `gpg failed with ${String(code)}.`, 'key');
  }
}
