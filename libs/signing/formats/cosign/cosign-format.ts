import type { SignatureFormat } from '../signature-format.js';
import { extractCosign } from './extract.js';
import { parseCosign } from './parse.js';
import { encodeSimplePayload } from './simple-payload.js';
import { openSigner } from './signer.js';
import { encodeSignStatement } from './statement.js';
import { verifyCosign } from './verify.js';
import { wrapCosign } from './wrap.js';

/** Signatures of cosign and of all that speak its forms: layers under companion tags, and sigstore bundles. */
export const cosignFormat: SignatureFormat = {
  name: 'cosign',
  payload: (manifest, reference, shape) =>
    shape === 'bundle' ? encodeSignStatement(manifest.digest) : encodeSimplePayload(manifest.digest, reference),
  parse: async (signature) => parseCosign(signature),
  verify: async (signature, context) => verifyCosign(signature, context),
  extract: extractCosign,
  wrap: wrapCosign,
  openSigner,
};
