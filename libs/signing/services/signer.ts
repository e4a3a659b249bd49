import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid } from '#platform/domain-error.js';
import { formatOf } from '../formats/all.js';
import { readScriptOutput } from '../formats/cosign/script-output.js';
import { normalizeSimpleSignature } from '../formats/simple/signed-message.js';
import type { BuiltinKeySource, FormatName, StoredManifest } from '../formats/signature-format.js';
import type { SigningServiceClass, SigningServiceEntity } from '../signing-service.entity.js';
import type { TrustMaterial } from '../trust-material.js';
import { readSignedLayout, writeSignLayout } from './sign-layout.js';
import { withAgentRetries } from './agent-retries.js';
import { runScript, type ScriptCall } from './run-script.js';
import { readLimited } from './script-answer.js';

/** What every way of signing does: one manifest under one reference gives one signature in the family's own form. */
export interface Signer {
  readonly format: FormatName;
  sign(manifest: StoredManifest, reference: string, signal?: AbortSignal): Promise<Uint8Array>;
}

/** What a signer needs of a service. */
export type SignerSource = Pick<
  SigningServiceEntity,
  'class' | 'script' | 'publicKey' | 'pubkeyFingerprint' | 'builtin' | 'shape' | 'environment'
>;

/** Where and how long scripts run. */
export interface SignerSettings {
  readonly workDir: string;
  readonly scriptTimeout: number;
  readonly correlationId: string;
}

const FORMATS: Readonly<Record<SigningServiceClass, FormatName>> = {
  'container:ManifestSigningService': 'simple',
  'container:CosignSigningService': 'cosign',
  'container:NotationSigningService': 'notation',
};

/** The family that a class of services signs for. */
export const formatOfClass = (name: SigningServiceClass): FormatName => FORMATS[name];

/** What trusts this service and nothing else. */
export function trustOf(service: Pick<SigningServiceEntity, 'class' | 'publicKey'>): TrustMaterial {
  const key = [service.publicKey];
  const format = formatOfClass(service.class);
  return {
    openpgpKeys: format === 'simple' ? key : [],
    cosignKeys: format === 'cosign' ? key : [],
    certificates: format === 'notation' ? key : [],
  };
}

/** The signer behind a service: its script, or the built-in one with the key from the service's files. */
export async function openSigner(service: SignerSource, settings: SignerSettings): Promise<Signer> {
  const format = formatOfClass(service.class);
  if (service.builtin) {
    const signer = await formatOf(format).openSigner(await readKeySource(service.builtin, service.shape));
    return { format, sign: (manifest, reference) => signer.sign(manifest, reference, new Date()) };
  }
  return {
    format,
    sign: (manifest, reference, signal) => signByScript(service, settings, format, manifest, reference, signal),
  };
}

/** Reads the files of a built-in signer. */
export async function readKeySource(
  builtin: NonNullable<SigningServiceEntity['builtin']>,
  shape: SigningServiceEntity['shape'],
): Promise<BuiltinKeySource> {
  const text = async (path: string, field: string) =>
    readFile(path, 'utf8').catch((error: Error) => {
      throw invalid(`The file ${path} cannot be read: ${error.message}`, field);
    });
  const passphrase = builtin.passphraseFile
    ? (await text(builtin.passphraseFile, 'passphrase-file')).split(/\r?\n/, 1)[0]
    : undefined;
  return {
    privateKey: await text(builtin.privateKeyFile, 'private-key'),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(builtin.certificatesFile ? { certificates: await text(builtin.certificatesFile, 'certificates') } : {}),
    ...(shape ? { shape } : {}),
  };
}

function signByScript(
  service: SignerSource,
  settings: SignerSettings,
  format: FormatName,
  manifest: StoredManifest,
  reference: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const payload =
    format === 'cosign'
      ? formatOf('cosign').payload(manifest, reference, service.shape === 'bundle' ? 'bundle' : 'tag')
      : undefined;
  const call: ScriptCall = {
    script: service.script,
    manifest: manifest.bytes,
    environment: {
      ...service.environment,
      REFERENCE: reference,
      PULP_SIGNING_KEY_FINGERPRINT: service.pubkeyFingerprint,
      CORRELATION_ID: settings.correlationId,
    },
    timeoutSeconds: settings.scriptTimeout,
    ...(signal ? { signal } : {}),
    prepare: async (folder): Promise<Record<string, string>> => {
      if (payload) return { PAYLOAD: await writeFileIn(folder, 'payload', payload) };
      return format === 'notation' ? { LAYOUT: await writeSignLayout(join(folder, 'layout'), manifest) } : {};
    },
    read: async (path) => {
      if (format === 'notation' && (await stat(path)).isDirectory()) return readSignedLayout(path, manifest);
      const bytes = await readLimited(path);
      if (payload) return readScriptOutput(bytes, payload);
      return format === 'simple' ? normalizeSimpleSignature(bytes) : bytes;
    },
  };
  const run = () => runScript(settings.workDir, call);
  return format === 'simple' ? withAgentRetries(run, signal) : run();
}

async function writeFileIn(folder: string, name: string, bytes: Uint8Array): Promise<string> {
  await writeFile(join(folder, name), bytes, { mode: 0o600, flag: 'wx' });
  return join(folder, name);
}
