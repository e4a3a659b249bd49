import { generateKeyPairSync } from 'node:crypto';
import { announce } from '#platform/change-feed.js';
import { newId } from '#platform/identifiers.js';
import { cosignFormat } from '#signing/formats/cosign/cosign-format.js';
import { storeSignatures } from '#signing/store/store-signatures.js';
import { type Made, writeElsewhere } from './content.js';
import type { RegistryProcess } from './registry-process.js';

/** A key that signs and the one that it is checked with, as PEM. */
export function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** Signs a manifest as `v1` of its repository. */
export async function sign(
  registry: Pick<RegistryProcess, 'source' | 'store' | 'host'>,
  name: string,
  image: Made,
  key: { privateKey: string },
): Promise<void> {
  const signer = await cosignFormat.openSigner({ privateKey: key.privateKey });
  const { mediaType, digest, size, bytes } = image;
  const manifest = { mediaType, digest, size, bytes };
  const signature = await signer.sign(manifest, `${registry.host}/${name}:v1`, new Date());
  const [row] = await registry.source.query('select id from repository where name = $1', [name]);
  const stores = { source: registry.source, store: registry.store };
  await storeSignatures(stores, row.id, [{ format: 'cosign', manifest, bytes: signature }]);
}

/** Puts a trust policy on the distribution at a path. */
export async function guard(
  registry: RegistryProcess,
  name: string,
  trust: object,
  options: { mode?: string; required?: number } = {},
): Promise<void> {
  const id = newId();
  await registry.source.query(
    'insert into trust_policy (id, name, trust, mode, required) values ($1, $2, $3, $4, $5)',
    [id, `policy of ${name}`, trust, options.mode ?? 'enforce', options.required ?? 1],
  );
  await registry.source.transaction(async (tx) => {
    await tx.query('update distribution set trust_policy_id = $1 where base_path = $2', [id, name]);
    await announce(tx, 'distributions', name);
  });
  await writeElsewhere(registry);
}
