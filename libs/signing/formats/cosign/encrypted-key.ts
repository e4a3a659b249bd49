import { generateKeyPairSync, randomBytes, scrypt, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import nacl from 'tweetnacl';
import { parseStrictJson } from '#oci/strict-json.js';
import { invalid } from '#platform/domain-error.js';
import { decodeBase64 } from '../base64.js';
import { isObject } from '../strict-object.js';
import { pemBody, toPem, type PemBlock } from '../x509/pem.js';

/** PEM labels of private keys in cosign's own encrypted form. */
export const ENCRYPTED_LABELS: ReadonlySet<string> = new Set([
  'ENCRYPTED SIGSTORE PRIVATE KEY',
  'ENCRYPTED COSIGN PRIVATE KEY',
]);

const derive = promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt);
const COSTS: ReadonlySet<unknown> = new Set([32_768, 65_536, 131_072]);
const STANDARD = { N: 65_536, r: 8, p: 1 };
const MAX_MEMORY = 512 * 1024 * 1024;

/** PKCS#8 DER out of cosign's encrypted form (scrypt, then NaCl secretbox); throws `DomainError`. */
export async function decryptCosignKey(block: PemBlock, password: string): Promise<Buffer> {
  const { N, salt, nonce, ciphertext } = readParameters(pemBody(block));
  const key = await derive(password, salt, nacl.secretbox.keyLength, { N, r: 8, p: 1, maxmem: MAX_MEMORY });
  const opened = nacl.secretbox.open(ciphertext, nonce, key);
  if (!opened) throw invalid('The passphrase does not open the private key.', 'passphrase', 'BAD_PASSPHRASE');
  return Buffer.from(opened);
}

/** PKCS#8 DER in the encrypted form that cosign reads and writes. */
export async function encryptCosignKey(der: Uint8Array, password: string): Promise<string> {
  const [salt, nonce] = [randomBytes(32), randomBytes(nacl.secretbox.nonceLength)];
  const key = await derive(password, salt, nacl.secretbox.keyLength, { ...STANDARD, maxmem: MAX_MEMORY });
  const document = {
    kdf: { name: 'scrypt', params: STANDARD, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(nacl.secretbox(der, nonce, key)).toString('base64'),
  };
  return toPem('ENCRYPTED SIGSTORE PRIVATE KEY', Buffer.from(JSON.stringify(document)));
}

/** A new ECDSA P-256 pair as the files `cosign.key` and `cosign.pub`. */
export async function generateCosignKeyPair(password: string): Promise<{ privateKey: string; publicKey: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    privateKey: await encryptCosignKey(privateKey.export({ type: 'pkcs8', format: 'der' }), password),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
  };
}

function readParameters(body: Buffer): { N: number; salt: Buffer; nonce: Buffer; ciphertext: Buffer } {
  const { kdf, cipher, ciphertext } = readDocument(body);
  if (!isObject(kdf) || !isObject(cipher) || kdf['name'] !== 'scrypt' || cipher['name'] !== 'nacl/secretbox')
    throw unreadable('only scrypt with nacl/secretbox is read');
  const params = kdf['params'];
  if (!isObject(params) || !COSTS.has(params['N']) || params['r'] !== 8 || params['p'] !== 1)
    throw unreadable('its scrypt parameters are not among those that cosign writes');
  const [salt, nonce, box] = [decodeBase64(kdf['salt']), decodeBase64(cipher['nonce']), decodeBase64(ciphertext)];
  if (!salt || nonce?.length !== nacl.secretbox.nonceLength || !box)
    throw unreadable('its salt, nonce or text is damaged');
  return { N: params['N'] as number, salt, nonce, ciphertext: box };
}

function readDocument(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const document = parseStrictJson(body);
    if (isObject(document)) return document;
  } catch {
    throw unreadable('its body is not JSON');
  }
  throw unreadable('its body is not a JSON object');
}

const unreadable = (why: string) =>
  invalid(`The encrypted private key cannot be read: ${why}.`, 'private_key', 'BAD_PRIVATE_KEY');
