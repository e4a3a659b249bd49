import {
  createMessage,
  decryptKey,
  type PrivateKey,
  readPrivateKey,
  sign as signWithOpenpgp,
  type Subkey,
} from 'openpgp';
import { DomainError, invalid, messageOf } from '#platform/domain-error.js';
import type { BuiltinKeySource, BuiltinSigner } from '../signature-format.js';
import { findKeyProblem, isSubkey } from './key-validity.js';
import { fingerprintOf } from './key-ring.js';
import { openNativeKey } from './native-key.js';
import { assembleSignedMessage } from './assemble-message.js';
import { writeSimplePayload } from './simple-payload.js';

/** The creator that payloads made here name; containers/image expects the prefix `atomic `. */
export const CREATOR = 'atomic hallmark 0.1.0';

/** Opens an armored OpenPGP private key as a signer; throws when the key cannot sign now. */
export async function openSimpleSigner(source: BuiltinKeySource): Promise<BuiltinSigner> {
  const certificate = await unlock(await readKey(source.privateKey), source.passphrase);
  const key = await chooseSigningKey(certificate, new Date());
  const native = openNativeKey(key.keyPacket);
  const signBytes = native
    ? (data: Uint8Array, at: Date) => assembleSignedMessage(data, native, at)
    : (data: Uint8Array, at: Date) => signSlowly(data, certificate, key, at);
  return {
    publicKey: certificate.toPublic().armor(),
    fingerprint: fingerprintOf(certificate),
    sign: async (manifest, reference, now) => {
      const timestamp = Math.floor(now.getTime() / 1000);
      return signBytes(
        writeSimplePayload({ manifestDigest: manifest.digest, reference, creator: CREATOR, timestamp }),
        now,
      );
    },
  };
}

async function readKey(armoredKey: string): Promise<PrivateKey> {
  try {
    return await readPrivateKey({ armoredKey });
  } catch (error) {
    throw invalid(
      `the private key is not an armored OpenPGP private key: ${messageOf(error)}`,
      'private_key',
      'KEY_UNREADABLE',
    );
  }
}

async function unlock(privateKey: PrivateKey, passphrase: string | undefined): Promise<PrivateKey> {
  if (privateKey.isDecrypted()) return privateKey;
  if (passphrase === undefined)
    throw invalid('the private key is encrypted; give its passphrase', 'passphrase', 'KEY_ENCRYPTED');
  try {
    return await decryptKey({ privateKey, passphrase });
  } catch {
    throw invalid('the passphrase does not open the private key', 'passphrase', 'WRONG_PASSPHRASE');
  }
}

/**
 * The primary key when it may sign, else the newest signing subkey. Clients of containers/image from before 2025 refuse
 * signatures of subkeys, so a subkey is the second choice, unlike in GnuPG.
 */
async function chooseSigningKey(certificate: PrivateKey, now: Date): Promise<PrivateKey | Subkey> {
  const subkeys = [...certificate.getSubkeys()].sort(
    (a, b) => b.keyPacket.created.getTime() - a.keyPacket.created.getTime(),
  );
  let reason: string | undefined;
  for (const component of [certificate, ...subkeys]) {
    const problem = await findKeyProblem({ certificate, component }, now, now);
    if (!problem && isAtHand(component)) return component;
    reason ??= problem?.detail ?? `the secret part of key ${fingerprintOf(component)} is not in the file`;
  }
  throw new DomainError('invalid', 'KEY_UNUSABLE', `the private key cannot sign now: ${reason}`, {
    field: 'private_key',
  });
}

function isAtHand(component: PrivateKey | Subkey): boolean {
  const packet = component.keyPacket as unknown as { isDummy?(): boolean; privateParams?: unknown };
  return packet.isDummy?.() !== true && packet.privateParams != null;
}

async function signSlowly(
  data: Uint8Array,
  certificate: PrivateKey,
  key: PrivateKey | Subkey,
  date: Date,
): Promise<Uint8Array> {
  const message = await createMessage({ binary: data, format: 'binary' });
  const signingKeyIDs = isSubkey(key) ? key.getKeyID() : certificate.getKeyID();
  return (await signWithOpenpgp({
    message,
    signingKeys: certificate,
    signingKeyIDs,
    format: 'binary',
    date,
  })) as Uint8Array;
}
