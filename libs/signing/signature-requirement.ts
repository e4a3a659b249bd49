import type {
  PolicyFile,
  PolicyRequirement,
  SignedByRequirement,
  SignedIdentity,
  SigstoreSignedRequirement,
} from './containers-policy.js';
import { pemBlocks } from './formats/x509/pem.js';
import type { TrustMaterial } from './trust-material.js';

/** What a containers policy asks of one signature, with the files that it names at hand. */
export type SignatureRequirement = SignedBy | SigstoreSigned;

/** Signed by one of the OpenPGP keys (binary, armored or base64). */
export interface SignedBy {
  readonly type: 'signedBy';
  readonly keys: readonly (string | Uint8Array)[];
  readonly signedIdentity?: SignedIdentity;
}

/** Signed the sigstore way. All texts are PEM, each key text holds one key. */
export interface SigstoreSigned {
  readonly type: 'sigstoreSigned';
  readonly keys?: readonly string[];
  readonly fulcio?: { readonly ca: readonly string[]; readonly oidcIssuer: string; readonly subjectEmail: string };
  readonly pki?: {
    readonly roots: readonly string[];
    readonly intermediates: readonly string[];
    readonly subjectHostname?: string;
    readonly subjectEmail?: string;
  };
  /** Of Rekor; empty when the policy names only files that were not handed in: then the logs of the trusted root count. */
  readonly logKeys?: readonly string[];
  readonly signedIdentity?: SignedIdentity;
}

/**
 * Puts the files into a requirement. A path is looked up in `policyFiles`; what is not there stands for the keys or
 * certificates that came along without a name. Undefined for requirements that no signature can meet.
 */
export function openRequirement(
  requirement: PolicyRequirement,
  trust: TrustMaterial,
): SignatureRequirement | undefined {
  if (requirement.type === 'signedBy')
    return requirement.keyType === 'GPGKeys' ? openSignedBy(requirement, trust) : undefined;
  return requirement.type === 'sigstoreSigned' ? openSigstoreSigned(requirement, trust) : undefined;
}

function openSignedBy({ type, keys, signedIdentity }: SignedByRequirement, trust: TrustMaterial): SignedBy {
  const opened = keys.flatMap((file): SignedBy['keys'] =>
    'data' in file ? [file.data] : fileAt(file.path, trust, trust.openpgpKeys),
  );
  return { type, keys: opened, ...(signedIdentity && { signedIdentity }) };
}

function openSigstoreSigned(
  { type, keys, fulcio, pki, logKeys, signedIdentity }: SigstoreSignedRequirement,
  trust: TrustMaterial,
): SigstoreSigned {
  const certificates = (file: PolicyFile | undefined) => (file ? textsOf(file, trust, trust.certificates) : []);
  return {
    type,
    ...(keys && { keys: keys.flatMap((file) => keysOf(file, trust, trust.cosignKeys)) }),
    ...(fulcio && { fulcio: { ...fulcio, ca: certificates(fulcio.ca) } }),
    ...(pki && { pki: { ...pki, roots: certificates(pki.roots), intermediates: certificates(pki.intermediates) } }),
    ...(logKeys && { logKeys: logKeys.flatMap((file) => keysOf(file, trust, [])) }),
    ...(signedIdentity && { signedIdentity }),
  };
}

/** Clients read the first key of a file and look no further. */
function keysOf(file: PolicyFile, trust: TrustMaterial, unnamed: readonly string[]): readonly string[] {
  const texts = textsOf(file, trust, unnamed);
  return texts === unnamed ? unnamed : texts.map((text) => pemBlocks(text)[0]?.text ?? text);
}

function textsOf(file: PolicyFile, trust: TrustMaterial, unnamed: readonly string[]): readonly string[] {
  return 'data' in file ? [Buffer.from(file.data).toString('latin1')] : fileAt(file.path, trust, unnamed);
}

function fileAt(path: string, { policyFiles }: TrustMaterial, unnamed: readonly string[]): readonly string[] {
  return policyFiles && Object.hasOwn(policyFiles, path) ? [policyFiles[path]!] : unnamed;
}
