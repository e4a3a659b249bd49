import { HashAlgorithm, PublicKeyDetails, TrustedRoot, type TransparencyLogInstance } from '@sigstore/protobuf-specs';
import { toTrustMaterial, type TrustMaterial as SigstoreTrust } from '@sigstore/verify';
import { createHash, createPublicKey } from 'node:crypto';
import { messageOf } from '#platform/domain-error.js';
import { isObject, type JsonObject } from '../strict-object.js';
import { pemBlocks } from '../x509/pem.js';
import { readMessage } from './proto-json.js';
import { TRUSTED_ROOT } from './sigstore-shapes.js';

/** Logs and authorities of a sigstore trusted root; `problem` when the document cannot be read. */
export interface RootView {
  readonly material: SigstoreTrust;
  readonly problem?: string;
}

type TransparencyLog = SigstoreTrust['tlogs'][number];

const MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';
const LOG_KEYS: ReadonlySet<PublicKeyDetails> = new Set([
  PublicKeyDetails.PKIX_ECDSA_P256_SHA_256,
  PublicKeyDetails.PKIX_ECDSA_P384_SHA_384,
  PublicKeyDetails.PKIX_ECDSA_P521_SHA_512,
  PublicKeyDetails.PKIX_RSA_PKCS1V15_2048_SHA256,
  PublicKeyDetails.PKIX_RSA_PKCS1V15_3072_SHA256,
  PublicKeyDetails.PKIX_RSA_PKCS1V15_4096_SHA256,
  PublicKeyDetails.PKIX_ED25519,
  PublicKeyDetails.PKCS1_RSA_PKCS1V5,
]);
const views = new WeakMap<object, RootView>();
const ALWAYS = { start: new Date(0), end: new Date(8_640_000_000_000_000) };

/** What a trusted root document trusts; nothing when there is none. */
export function viewTrustedRoot(document: unknown): RootView {
  if (document === undefined || document === null) return { material: emptyTrust() };
  if (!isObject(document)) return { material: emptyTrust(), problem: 'the trusted root is not a JSON object' };
  const known = views.get(document) ?? readRoot(document);
  views.set(document, known);
  return known;
}

/** A trust that holds nothing. */
export function emptyTrust(): SigstoreTrust {
  return toTrustMaterial(TrustedRoot.fromJSON({}));
}

/** Timestamp authorities whose chains run from the signing certificate to the root, all in DER. */
export function authoritiesOf(chains: readonly (readonly Buffer[])[]): SigstoreTrust['timestampAuthorities'] {
  const root = TrustedRoot.fromJSON({
    timestampAuthorities: chains.map((chain) => ({
      certChain: { certificates: chain.map((der) => ({ rawBytes: der.toString('base64') })) },
    })),
  });
  return toTrustMaterial(root).timestampAuthorities;
}

/** Logs that sign with the PEM keys; unreadable keys are left out, so that what they should prove stays unproven. */
export function logsOfKeys(texts: readonly string[]): TransparencyLog[] {
  return texts.flatMap((text) => pemBlocks(text).flatMap((block) => logOfKey(block.text)));
}

function logOfKey(pem: string): TransparencyLog[] {
  try {
    const publicKey = createPublicKey(pem);
    const logID = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest();
    return [{ logID, baseURL: '', publicKey, validFor: ALWAYS }];
  } catch {
    return [];
  }
}

function readRoot(document: JsonObject): RootView {
  const mediaType = document['mediaType'] ?? document['media_type'];
  if (mediaType !== MEDIA_TYPE)
    return { material: emptyTrust(), problem: `the trusted root is not of type ${MEDIA_TYPE}` };
  try {
    const root = TrustedRoot.fromJSON(readMessage(document, TRUSTED_ROOT, { what: 'it', code: 'MALFORMED_ENVELOPE' }));
    const problem = [...root.tlogs, ...root.ctlogs].map(findLogProblem).find((found) => found !== undefined);
    if (problem !== undefined) throw new Error(problem);
    const authorities = [...root.certificateAuthorities, ...root.timestampAuthorities];
    if (!authorities.every(({ certChain }) => certChain && certChain.certificates.length > 0))
      throw new Error('an authority has no certificate');
    return { material: toTrustMaterial(root) };
  } catch (error) {
    return { material: emptyTrust(), problem: `the trusted root cannot be read: ${messageOf(error)}` };
  }
}

/** Why clients do without a root with such a log. */
function findLogProblem({ baseUrl, hashAlgorithm, logId, publicKey }: TransparencyLogInstance): string | undefined {
  if (hashAlgorithm !== HashAlgorithm.SHA2_256) return `the log ${baseUrl} does not hash with SHA-256`;
  if (!logId?.keyId.length || !publicKey?.rawBytes?.length) return `the log ${baseUrl} has no key, or no name of it`;
  if (!LOG_KEYS.has(publicKey.keyDetails)) return `the key of the log ${baseUrl} is of no known kind`;
  return publicKey.validFor?.start ? undefined : `the log ${baseUrl} does not say since when its key is valid`;
}
