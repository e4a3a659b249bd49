import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as openpgp from 'openpgp';
import { formatOf } from '#signing/formats/all.js';
import type { BuiltinSigner } from '#signing/formats/signature-format.js';

/** A signer of simple signatures with a fresh key. */
export async function simpleSigner(): Promise<BuiltinSigner> {
  const { privateKey } = await openpgp.generateKey({
    userIDs: [{ email: 'signer@example.com' }],
    type: 'ecc',
    curve: 'ed25519Legacy',
  });
  return formatOf('simple').openSigner({ privateKey });
}

/** A cosign signer with a fresh key, for `.sig` tags or for bundles. */
export function cosignSigner(shape: 'tag' | 'bundle'): Promise<BuiltinSigner> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return formatOf('cosign').openSigner({ privateKey: pem, shape });
}

/** A notation signer with a fresh self-signed certificate, made by openssl. */
export async function notationSigner(): Promise<BuiltinSigner> {
  const folder = mkdtempSync(join(tmpdir(), 'hallmark-notation-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const extensions = [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=codeSigning',
  ];
  try {
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        key,
        '-out',
        certificate,
      ]
        .concat(['-days', '30', '-subj', '/C=US/ST=WA/O=Example/CN=signer'])
        .concat(extensions.flatMap((each) => ['-addext', each])),
      { stdio: 'ignore' },
    );
    const [privateKey, certificates] = [key, certificate].map((file) => readFileSync(file, 'utf8'));
    return await formatOf('notation').openSigner({
      privateKey: privateKey!,
      certificates: certificates!,
      shape: 'jws',
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
