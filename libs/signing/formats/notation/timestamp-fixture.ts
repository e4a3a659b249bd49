import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Issued } from './certificate-fixture.js';

/** An RFC 3161 token over bytes, in base64, made by `openssl ts`; `more` lines go into its configuration. */
export function stampWithOpenssl(bytes: Uint8Array, authority: Issued, root: Issued, more = ''): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsa-'));
  const path = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', ['ts', ...args], { stdio: 'pipe' });
  const settings = {
    serial: path('serial'),
    crypto_device: 'builtin',
    signer_digest: 'sha256',
    default_policy: '1.2.3.4',
    digests: 'sha256,sha512',
    ess_cert_id_chain: 'no',
    ess_cert_id_alg: 'sha256',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  try {
    writeFileSync(path('data'), bytes);
    writeFileSync(path('tsa.pem'), authority.pem);
    writeFileSync(path('root.pem'), root.pem);
    writeFileSync(path('tsa.key'), authority.privateKeyPem);
    writeFileSync(path('serial'), '01');
    writeFileSync(path('tsa.cnf'), ['[tsa]', ...lines, more, ''].join('\n'));
    openssl('-query', '-data', path('data'), '-sha256', '-cert', '-out', path('query'));
    const signer = ['-signer', path('tsa.pem'), '-inkey', path('tsa.key'), '-chain', path('root.pem')];
    const config = ['-config', path('tsa.cnf'), '-section', 'tsa', '-queryfile', path('query')];
    openssl('-reply', ...config, ...signer, '-token_out', '-out', path('token'));
    return readFileSync(path('token')).toString('base64');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
