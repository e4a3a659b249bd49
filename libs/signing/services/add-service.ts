import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { DataSource } from 'typeorm';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { isUniqueViolation } from '#platform/database.js';
import { DomainError, conflict, invalid } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { formatOf } from '../formats/all.js';
import type { StoredManifest } from '../formats/signature-format.js';
import { type SigningServiceClass, SigningServiceEntity } from '../signing-service.entity.js';
import { findRefusal } from './check-signature.js';
import { exportGpgKey, type KeyRing } from './export-key.js';
import { requireScript } from './script-file.js';
import { formatOfClass, openSigner, readKeySource, type SignerSettings, trustOf } from './signer.js';

/** Classes that a service can be of. */
export const SERVICE_CLASSES: readonly SigningServiceClass[] = [
  'container:ManifestSigningService',
  'container:CosignSigningService',
  'container:NotationSigningService',
];

/** A service with a script. `key`: OpenPGP key id, or path of a PEM public key or certificate, by class. */
export interface ScriptService extends KeyRing {
  readonly name: string;
  readonly class: string;
  readonly script: string;
  readonly key: string;
  /** Variables that the script gets besides those of the contract; they are stored as they are, so never secrets. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A signer inside the worker; all paths absolute. */
export interface BuiltinService {
  readonly name: string;
  readonly class: string;
  readonly privateKeyFile: string;
  readonly passphraseFile?: string;
  readonly certificatesFile?: string;
  readonly shape?: 'tag' | 'bundle' | 'jws' | 'cose';
}

/** The reference that a service is proved with. */
const TEST_REFERENCE = 'test.invalid/hallmark/proof:test';

/** Registers a script: signs a test manifest, verifies the result against the key, and only then saves the row. */
export async function addScriptService(
  source: DataSource,
  service: ScriptService,
  settings: SignerSettings,
): Promise<SigningServiceEntity> {
  const row = await startRow(source, service.name, service.class);
  await requireScript(service.script);
  const key = await readPublicKey(row.class, service);
  const environment = { ...readEnvironment(service), ...(service.gnupgHome ? { GNUPGHOME: service.gnupgHome } : {}) };
  const draft = Object.assign(row, { ...key, script: service.script, builtin: null, environment });
  return save(source, await proveShape(draft, settings));
}

/** Variables that the contract sets. */
const OURS = ['REFERENCE', 'SIG_PATH', 'PULP_SIGNING_KEY_FINGERPRINT', 'CORRELATION_ID', 'PAYLOAD', 'LAYOUT'];

function readEnvironment({ environment = {} }: ScriptService): Record<string, string> {
  for (const name of Object.keys(environment)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw invalid(`'${name}' is not the name of a variable.`, 'env');
    if (OURS.includes(name)) throw invalid(`The variable ${name} is set for each call; choose another name.`, 'env');
  }
  return { ...environment };
}

/** Registers a signer inside the worker, proved like a script. */
export async function addBuiltinService(
  source: DataSource,
  service: BuiltinService,
  settings: SignerSettings,
): Promise<SigningServiceEntity> {
  const row = await startRow(source, service.name, service.class);
  for (const path of [service.privateKeyFile, service.passphraseFile, service.certificatesFile])
    if (path !== undefined && !isAbsolute(path)) throw invalid(`'${path}' must be an absolute path.`, 'private-key');
  const builtin = {
    privateKeyFile: service.privateKeyFile,
    ...(service.passphraseFile ? { passphraseFile: service.passphraseFile } : {}),
    ...(service.certificatesFile ? { certificatesFile: service.certificatesFile } : {}),
  };
  const shape = service.shape ?? null;
  const signer = await formatOf(formatOfClass(row.class)).openSigner(await readKeySource(builtin, shape));
  const draft = Object.assign(row, {
    publicKey: signer.publicKey,
    pubkeyFingerprint: signer.fingerprint,
    script: 'builtin',
    builtin,
    shape,
    environment: {},
  });
  await proveService(draft, settings);
  return save(source, draft);
}

/** Signs a test manifest with a service and verifies the result; throws what is wrong. */
export async function proveService(service: SigningServiceEntity, settings: SignerSettings): Promise<void> {
  const signer = await openSigner(service, settings);
  const signature = await signer.sign(TEST_MANIFEST, TEST_REFERENCE);
  const refusal = await findRefusal(signer.format, signature, TEST_MANIFEST, TEST_REFERENCE, trustOf(service));
  if (refusal) throw refusal;
}

/** A cosign script says nothing of whether it makes layers or bundles: the first proof that holds decides. */
async function proveShape(draft: SigningServiceEntity, settings: SignerSettings): Promise<SigningServiceEntity> {
  if (formatOfClass(draft.class) !== 'cosign') {
    await proveService(draft, settings);
    return draft;
  }
  try {
    await proveService(Object.assign(draft, { shape: 'tag' }), settings);
  } catch (first) {
    try {
      await proveService(Object.assign(draft, { shape: 'bundle' }), settings);
    } catch {
      throw first;
    }
  }
  return draft;
}

async function startRow(source: DataSource, name: string, className: string): Promise<SigningServiceEntity> {
  if (name.trim() === '') throw invalid('The name must not be blank.', 'name');
  if (!className.includes(':'))
    throw invalid('The signing service class was not provided in a proper format.', 'class');
  if (!SERVICE_CLASSES.includes(className as SigningServiceClass))
    throw invalid(`Class '${className}' is not one of ${SERVICE_CLASSES.join(', ')}.`, 'class');
  if (await source.manager.existsBy(SigningServiceEntity, { name })) throw taken(name);
  return source.manager.create(SigningServiceEntity, {
    id: newId(),
    name,
    class: className as SigningServiceClass,
    shape: null,
  });
}

async function save(source: DataSource, row: SigningServiceEntity): Promise<SigningServiceEntity> {
  try {
    await source.manager.insert(SigningServiceEntity, row);
    return row;
  } catch (error) {
    throw isUniqueViolation(error) ? taken(row.name) : error;
  }
}

const taken = (name: string): DomainError =>
  conflict(`A signing service named '${name}' exists already; choose another name or remove it first.`, 'NAME_TAKEN');

async function readPublicKey(
  className: SigningServiceClass,
  service: ScriptService,
): Promise<Pick<SigningServiceEntity, 'publicKey' | 'pubkeyFingerprint'>> {
  if (className === 'container:ManifestSigningService') {
    const { publicKey, fingerprint } = await exportGpgKey(service.key, service);
    return { publicKey, pubkeyFingerprint: fingerprint };
  }
  const pem = await readFile(service.key, 'utf8').catch((error: Error) => {
    throw invalid(`The key file ${service.key} cannot be read: ${error.message}`, 'key');
  });
  try {
    if (className === 'container:NotationSigningService')
      return {
        publicKey: pem,
        pubkeyFingerprint: new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase(),
      };
    const key = createPublicKey(pem);
    const der = key.export({ type: 'spki', format: 'der' });
    return {
      publicKey: key.export({ type: 'spki', format: 'pem' }) as string,
      pubkeyFingerprint: createHash('sha256').update(der).digest('hex'),
    };
  } catch (error) {
    throw invalid(
      `The key file ${service.key} holds no ${className.includes('Notation') ? 'PEM certificate' : 'PEM public key'}: ${(error as Error).message}`,
      'key',
    );
  }
}

const TEST_MANIFEST: StoredManifest = (() => {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.dockerManifest,
      config: { mediaType: MediaType.dockerConfig, size: 1456, digest: digestOf('hallmark test config') },
      layers: [{ mediaType: MediaType.dockerLayer, size: 772_792, digest: digestOf('hallmark test layer') }],
    }),
  );
  return { mediaType: MediaType.dockerManifest, digest: digestOf(bytes), size: bytes.length, bytes };
})();
