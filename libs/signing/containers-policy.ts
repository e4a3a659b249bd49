import { invalid, messageOf } from '#platform/domain-error.js';
import { parseStrictJson } from '#oci/strict-json.js';
import { parsePolicyDocument } from './containers-policy-document.js';
import {
  type DockerReference,
  formatDockerReference,
  isNameOnly,
  parseCanonicalReference,
  parseDockerReference,
  parsePulledReference,
} from './docker-reference.js';

/** How the reference inside a signature must relate to the image (containers-policy.json(5), "signedIdentity"). */
export type SignedIdentity =
  | { readonly type: 'matchExact' | 'matchRepoDigestOrExact' | 'matchRepository' }
  | { readonly type: 'exactReference'; readonly dockerReference: string }
  | { readonly type: 'exactRepository'; readonly dockerRepository: string }
  | { readonly type: 'remapIdentity'; readonly prefix: string; readonly signedPrefix: string };

/** A key or certificate file: written into the policy, or named by its path on the machine that the policy is for. */
export type PolicyFile = { readonly data: Uint8Array } | { readonly path: string };

/** Signed by one of the OpenPGP keys; clients read all four key types and evaluate `GPGKeys` only. */
export interface SignedByRequirement {
  readonly type: 'signedBy';
  readonly keyType: 'GPGKeys' | 'signedByGPGKeys' | 'X509Certificates' | 'signedByX509CAs';
  readonly keys: readonly PolicyFile[];
  /** Absent: `matchRepoDigestOrExact`. */
  readonly signedIdentity?: SignedIdentity;
}

/** Signed the sigstore way; exactly one of `keys` (PEM public keys), `fulcio` and `pki` is present. */
export interface SigstoreSignedRequirement {
  readonly type: 'sigstoreSigned';
  readonly keys?: readonly PolicyFile[];
  readonly fulcio?: { readonly ca: PolicyFile; readonly oidcIssuer: string; readonly subjectEmail: string };
  readonly pki?: {
    readonly roots: PolicyFile;
    readonly intermediates?: PolicyFile;
    readonly subjectHostname?: string;
    readonly subjectEmail?: string;
  };
  /** PEM public keys of Rekor; absent when no log entry is asked for. */
  readonly logKeys?: readonly PolicyFile[];
  readonly signedIdentity?: SignedIdentity;
}

/** One requirement of a policy; all in the chosen list must hold. */
export type PolicyRequirement =
  | { readonly type: 'insecureAcceptAnything' | 'reject' }
  | SignedByRequirement
  | SigstoreSignedRequirement
  | { readonly type: 'signedBaseLayer'; readonly baseLayerIdentity: SignedIdentity };

/** A checked `policy.json`. */
export interface ContainersPolicy {
  readonly default: readonly PolicyRequirement[];
  /** transport → scope → requirements. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, readonly PolicyRequirement[]>>;
}

const readings = new WeakMap<object, ContainersPolicy>();

/**
 * Reads a containers `policy.json` from text, bytes or an already parsed document, whose reading is remembered. Unknown and
 * duplicate members make it invalid.
 */
export function parseContainersPolicy(document: unknown): ContainersPolicy {
  if (typeof document === 'string' || document instanceof Uint8Array) return parsePolicyDocument(readJson(document));
  if (typeof document !== 'object' || document === null) return parsePolicyDocument(document);
  const known = readings.get(document) ?? parsePolicyDocument(document);
  readings.set(document, known);
  return known;
}

/** The requirements of the most specific scope of transport `docker` that covers the reference, else the default. */
export function requirementsFor(policy: ContainersPolicy, reference: string): readonly PolicyRequirement[] {
  const parsed = parsePulledReference(reference);
  if (!parsed)
    throw invalid(`"${reference}" is not an image reference; give host/name:tag or host/name@digest`, 'reference');
  const scopes = policy.transports.get('docker');
  for (const scope of scopesOf(parsed)) {
    const requirements = scopes?.get(scope);
    if (requirements) return requirements;
  }
  return policy.default;
}

/** Whether the reference in a signature is acceptable for the image that a client asked for; `rule` names the matcher used. */
export function matchIdentity(
  identity: SignedIdentity | undefined,
  imageReference: string,
  signedReference: string,
): { ok: boolean; rule: string; detail: string } {
  const rule = identity?.type ?? 'matchRepoDigestOrExact';
  const signed = parseDockerReference(signedReference);
  if (!signed)
    return { ok: false, rule, detail: `the signed reference "${signedReference}" is not an image reference` };
  const expected = expectedReference(identity, imageReference);
  if (!expected)
    return { ok: false, rule, detail: `"${imageReference}" cannot be read as an image reference under ${rule}` };
  const ok = matches(rule, expected, signed);
  const relation = ok ? 'is accepted for' : 'is not accepted for';
  return {
    ok,
    rule,
    detail: `signed for ${formatDockerReference(signed)}, which ${relation} ${formatDockerReference(expected)} under ${rule}`,
  };
}

function readJson(document: string | Uint8Array): unknown {
  try {
    return parseStrictJson(document);
  } catch (error) {
    throw invalid(`the policy is not valid JSON: ${messageOf(error)}`, 'containers_policy');
  }
}

function scopesOf(reference: DockerReference): string[] {
  const scopes: string[] = [];
  // A client that is given both a tag and a digest pulls by the digest.
  if (reference.digest !== undefined) scopes.push(`${reference.name}@${reference.digest}`);
  else if (reference.tag !== undefined) scopes.push(`${reference.name}:${reference.tag}`);
  let prefix = reference.name;
  for (let slash = prefix.lastIndexOf('/'); ; slash = prefix.lastIndexOf('/')) {
    scopes.push(prefix);
    if (slash < 0) break;
    prefix = prefix.slice(0, slash);
  }
  const labels = prefix.replace(/:[0-9]+$/, '').split('.');
  for (let first = 1; first < labels.length; first += 1) scopes.push(`*.${labels.slice(first).join('.')}`);
  return [...scopes, ''];
}

function expectedReference(identity: SignedIdentity | undefined, image: string): DockerReference | undefined {
  if (identity?.type === 'exactReference') return parseDockerReference(identity.dockerReference);
  if (identity?.type === 'exactRepository') return parseDockerReference(identity.dockerRepository);
  const parsed = parsePulledReference(image);
  return parsed && identity?.type === 'remapIdentity' ? remap(parsed, identity.prefix, identity.signedPrefix) : parsed;
}

function remap(reference: DockerReference, prefix: string, signedPrefix: string): DockerReference | undefined {
  if (reference.name !== prefix && !reference.name.startsWith(`${prefix}/`)) return reference;
  return parseCanonicalReference(signedPrefix + formatDockerReference(reference).slice(prefix.length));
}

function matches(rule: SignedIdentity['type'], expected: DockerReference, signed: DockerReference): boolean {
  if (rule === 'matchRepository' || rule === 'exactRepository') return expected.name === signed.name;
  if (isNameOnly(expected) || isNameOnly(signed)) return false;
  const exact = formatDockerReference(expected) === formatDockerReference(signed);
  if (rule === 'matchExact' || rule === 'exactReference' || expected.tag !== undefined) return exact;
  return expected.name === signed.name;
}
