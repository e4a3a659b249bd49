import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { MediaType } from '#oci/media-types.js';
import { invalid } from '#platform/domain-error.js';
import type { BuiltinKeySource, BuiltinSigner } from '../signature-format.js';
import { preAuthEncoding } from './dsse.js';
import { decryptCosignKey, ENCRYPTED_LABELS } from './encrypted-key.js';
import { encodeLayerDocument, LayerAnnotation } from './layer-document.js';
import { pemBlocks } from '../x509/pem.js';
import { encodeKeyBundle } from './sigstore-bundle.js';
import { encodeSimplePayload } from './simple-payload.js';
import { encodeSignStatement } from './statement.js';
import { describeKey, type PublicKey } from './trusted-keys.js';

/** A cosign signer for a PEM private key: plain, encrypted PKCS#8, or cosign's own encrypted form. */
export async function openSigner(source: BuiltinKeySource): Promise<BuiltinSigner> {
  const shape = source.shape ?? 'tag';
  if (shape !== 'tag' && shape !== 'bundle')
    throw invalid(`cosign signs in the shape "tag" or "bundle", not "${shape}".`, 'shape');
  const privateKey = await openPrivateKey(source.privateKey, source.passphrase ?? '');
  const publicKey = createPublicKey(privateKey);
  const described = describeKey(publicKey);
  if ('code' in described)
    throw invalid(`The private key cannot sign for cosign: ${described.detail}.`, 'private_key', described.code);
  const seal = (data: Uint8Array) => sign(described.hashes[0], data, privateKey);
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    fingerprint: described.fingerprint,
    sign: async (manifest, reference, now) =>
      shape === 'tag'
        ? signLayer(encodeSimplePayload(manifest.digest, reference, now), seal)
        : signBundle(encodeSignStatement(manifest.digest), described, seal),
  };
}

type Seal = (data: Uint8Array) => Uint8Array;

function signLayer(payload: Uint8Array, seal: Seal): Uint8Array {
  const annotations = { [LayerAnnotation.signature]: Buffer.from(seal(payload)).toString('base64') };
  return encodeLayerDocument({ mimeType: MediaType.cosignSimpleSigning, payload, annotations });
}

function signBundle(payload: Uint8Array, key: PublicKey, seal: Seal): Uint8Array {
  return encodeKeyBundle(payload, seal(preAuthEncoding(MediaType.inToto, payload)), key.hint);
}

async function openPrivateKey(text: string, passphrase: string): Promise<KeyObject> {
  const encrypted = pemBlocks(text).find((block) => ENCRYPTED_LABELS.has(block.label));
  try {
    if (encrypted)
      return createPrivateKey({ key: await decryptCosignKey(encrypted, passphrase), format: 'der', type: 'pkcs8' });
    return createPrivateKey({ key: withoutParameters(text), format: 'pem', passphrase });
  } catch (error) {
    if (encrypted && error instanceof Error && error.name === 'DomainError') throw error;
    throw invalid(
      'The private key cannot be opened: give a PEM key and its passphrase.',
      'private_key',
      'BAD_PRIVATE_KEY',
    );
  }
}

/** OpenSSL writes the curve in a block of its own in front of an EC key. */
function withoutParameters(text: string): string {
  const block = pemBlocks(text).find(({ label }) => label.endsWith('PRIVATE KEY'));
  return block?.text ?? text;
}
