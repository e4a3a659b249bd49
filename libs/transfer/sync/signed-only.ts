import type { Descriptor } from '#oci/descriptor.js';
import { looksLikeDigest } from '#oci/digest.js';
import { INDEX_TYPES } from '#oci/media-types.js';
import { POLICY_FORMATS } from '#signing/formats/all.js';
import { verifyManifest } from '#signing/verify/verify-manifest.js';
import { digestOf } from '#oci/digest.js';
import type { ManifestShelf } from './manifest-shelf.js';
import type { TrustRule } from './sync-plan.js';
import type { SignatureWay } from './sync.task.js';

/** A signature that was found upstream. */
export interface KnownSignature {
  readonly subject: string;
  readonly format: string;
  readonly kind: string;
  readonly bytes: Uint8Array;
  readonly way: SignatureWay;
  readonly carrier?: string;
}

/** How images are judged. */
export interface Judging {
  readonly shelf: ManifestShelf;
  /** `host/name` of the upstream: signatures must be about this name when they name one. */
  readonly repository: string;
  readonly rule?: TrustRule;
}

/**
 * The images that are signed: themselves, or for an index every image that it lists. Without a rule any readable signature
 * counts; with one, only verified signatures by as many different keys as the rule wants.
 */
export async function chooseSigned(
  images: ReadonlyMap<string, Descriptor>,
  subjects: ReadonlyMap<string, readonly string[]>,
  known: readonly KnownSignature[],
  judging: Judging,
): Promise<Map<string, Descriptor>> {
  const bySubject = new Map<string, KnownSignature[]>();
  for (const each of known)
    if (each.kind === 'signature') bySubject.set(each.subject, [...(bySubject.get(each.subject) ?? []), each]);
  const kept = new Map<string, Descriptor>();
  for (const [name, root] of images)
    if (await isSigned(name, subjects.get(root.digest) ?? [root.digest], bySubject, judging)) kept.set(name, root);
  return kept;
}

async function isSigned(
  name: string,
  [root = '', ...below]: readonly string[],
  bySubject: ReadonlyMap<string, readonly KnownSignature[]>,
  judging: Judging,
): Promise<boolean> {
  const passes = (digest: string) => judge(digest, name, bySubject.get(digest) ?? [], judging);
  if (await passes(root)) return true;
  let leaves = 0;
  for (const digest of below) {
    if (INDEX_TYPES.has((await judging.shelf.read(digest)).mediaType)) continue;
    leaves += 1;
    if (!(await passes(digest))) return false;
  }
  return leaves > 0;
}

async function judge(
  digest: string,
  name: string,
  signatures: readonly KnownSignature[],
  { shelf, repository, rule }: Judging,
): Promise<boolean> {
  if (!rule || signatures.length === 0) return signatures.length > 0;
  const given = signatures.flatMap(({ format: name, bytes }) => {
    const format = POLICY_FORMATS.find((each) => each === name);
    return format === undefined ? [] : [{ format, bytes, digest: digestOf(bytes) }];
  });
  const reference = `${repository}${looksLikeDigest(name) ? '@' : ':'}${name}`;
  const report = await verifyManifest(await shelf.read(digest), given, reference, rule.trust);
  return report.signers.length >= rule.required;
}
