import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toTrustMaterial, type TrustMaterial as SigstoreTrust } from '@sigstore/verify';
import { createHash, createPublicKey } from 'node:crypto';
import { messageOf } from '#platform/domain-error.js';
import { isObject } from '../strict-object.js';
import { pemBlocks } from '../x509/pem.js';

/** Logs and authorities of a sigstore trusted root; `problem` when the document cannot be read. */
export interface RootView {
  readonly material: SigstoreTrust;
  readonly problem?: string;
}

type TransparencyLog = SigstoreTrust['tlogs'][number];

const MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';
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

function readRoot(document: object): RootView {
  const mediaType = (document as { readonly mediaType?: unknown }).mediaType;
  if (mediaType !== MEDIA_TYPE)
    return { material: emptyTrust(), problem: `the trusted root is not of type ${MEDIA_TYPE}` };
  try {
    return { material: toTrustMaterial(TrustedRoot.fromJSON(document)) };
  } catch (error) {
    return { material: emptyTrust(), problem: `the trusted root cannot be read: ${messageOf(error)}` };
  }
}
