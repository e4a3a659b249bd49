import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { generateKey } from 'openpgp';
import { issueChain } from '#signing/formats/notation/certificate-fixture.js';
import type { BuiltinKeySource, FormatName } from '#signing/formats/signature-format.js';
import type { SigningServiceClass } from '#signing/signing-service.entity.js';

/** A key of some family, and the trust that verifies what it signs. */
export interface BenchSigner {
  readonly what: string;
  readonly format: FormatName;
  readonly className: SigningServiceClass;
  readonly source: BuiltinKeySource;
  /** In the form of the `verify/` call. */
  readonly trust: Readonly<Record<string, unknown>>;
}

/** A fresh key of every kind that is measured. */
export async function benchSigners(): Promise<BenchSigner[]> {
  return [
    await openpgp('RSA 3072', { type: 'rsa', rsaBits: 3072 }),
    await openpgp('Ed25519', { type: 'curve25519' }),
    cosign('ECDSA P-256', 'tag', generateKeyPairSync('ec', { namedCurve: 'P-256' })),
    cosign('ECDSA P-256', 'bundle', generateKeyPairSync('ec', { namedCurve: 'P-256' })),
    cosign('Ed25519', 'tag', generateKeyPairSync('ed25519')),
    await notation('jws'),
    await notation('cose'),
  ];
}

async function openpgp(
  name: string,
  kind: { type: 'rsa'; rsaBits: number } | { type: 'curve25519' },
): Promise<BenchSigner> {
  const userIDs = [{ name: 'bench', email: 'bench@example.org' }];
  const { privateKey, publicKey } = await generateKey({ userIDs, ...kind });
  return {
    what: `OpenPGP ${name}`,
    format: 'simple',
    className: 'container:ManifestSigningService',
    source: { privateKey },
    trust: { openpgp_keys: [publicKey] },
  };
}

function cosign(
  name: string,
  shape: 'tag' | 'bundle',
  { privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject },
): BenchSigner {
  return {
    what: `cosign ${name}, ${shape}`,
    format: 'cosign',
    className: 'container:CosignSigningService',
    source: { privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, shape },
    trust: { cosign_keys: [publicKey.export({ type: 'spki', format: 'pem' }) as string] },
  };
}

async function notation(shape: 'jws' | 'cose'): Promise<BenchSigner> {
  const { root, leaf, pem } = await issueChain({ key: 'P-256' });
  return {
    what: `Notation ES256, ${shape}`,
    format: 'notation',
    className: 'container:NotationSigningService',
    source: { privateKey: leaf.privateKeyPem, certificates: pem, shape },
    trust: { certificates: [root.pem] },
  };
}
