import type { SignatureFormat } from '../signature-format.js';
import { keyIdOf } from './signature-packet.js';
import { readSignedMessage } from './signed-message.js';
import { readSimplePayload, writeSimplePayload } from './simple-payload.js';
import { CREATOR, openSimpleSigner } from './simple-signer.js';
import { verifySimple } from './verify-simple.js';

/** Simple signing: an OpenPGP message around a JSON document, as skopeo and podman make it (containers-signature(5)). */
export const simpleFormat: SignatureFormat = {
  name: 'simple',
  payload: (manifest, reference) =>
    writeSimplePayload({
      manifestDigest: manifest.digest,
      reference,
      creator: CREATOR,
      timestamp: Math.floor(Date.now() / 1000),
    }),
  parse: async (bytes) => {
    const { signature, data } = readSignedMessage(bytes);
    const payload = readSimplePayload(data);
    const keyId = signature.fingerprint ? keyIdOf(signature.fingerprint) : signature.keyId;
    return {
      scheme: 'atomic',
      kind: 'signature',
      manifestDigest: payload.manifestDigest,
      reference: payload.reference,
      ...(keyId !== undefined && { keyId }),
      ...(signature.fingerprint !== undefined && { fingerprint: signature.fingerprint }),
      ...(payload.creator !== undefined && { creator: payload.creator }),
      timestamp: payload.timestamp ?? Math.floor(signature.created.getTime() / 1000),
      claims: {
        signatureCreated: signature.created.toISOString(),
        ...(signature.expires && { signatureExpires: signature.expires.toISOString() }),
        publicKeyAlgorithm: signature.publicKeyAlgorithm,
        hashAlgorithm: signature.hashAlgorithm,
      },
    };
  },
  verify: verifySimple,
  openSigner: openSimpleSigner,
};
