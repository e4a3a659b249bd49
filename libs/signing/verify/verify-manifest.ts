import { algorithmOf, digestOf } from '#oci/digest.js';
import { isDomainError } from '#platform/domain-error.js';
import { parseDockerReference } from '../docker-reference.js';
import type { FormatName, StoredManifest, VerifyContext } from '../formats/signature-format.js';
import { type Check, ENGINE_VERSION, type Outcome, type SignatureReport } from '../report.js';
import type { TrustMaterial } from '../trust-material.js';
import { type Judgement, judgeSignature, POLICY_ID, requirementsOf } from './judge-signature.js';
import { nameSigner } from './name-signer.js';

/** A signature to judge. `id` and `digest` are of the stored unit, when it is one. */
export interface GivenSignature {
  readonly format: FormatName;
  readonly bytes: Uint8Array;
  readonly id?: string;
  readonly digest: string;
}

/** A verdict with what it is about. */
export type JudgedSignature = SignatureReport & {
  readonly format: FormatName;
  readonly verified: boolean;
  readonly signatureRef: { readonly id: string | null; readonly digest: string };
  readonly evaluatedAt: string;
  readonly engineVersion: string;
};

/** Everything that is known of the trust in one manifest. */
export interface VerificationReport {
  /** At least one signature is verified, and together they meet all that a containers policy asks for. */
  readonly verified: boolean;
  readonly outcome: Outcome;
  /** Whose verified signatures count, each once; none unless `verified`. */
  readonly signers: readonly string[];
  /** Why nothing is verified when there is not even a signature; `RESOURCE_LIMIT` when there are more than were looked at. */
  readonly code: 'NO_SIGNATURE' | 'RESOURCE_LIMIT' | null;
  readonly reference: string | null;
  readonly subject: { readonly digest: string; readonly mediaType: string; readonly size: number };
  readonly signatures: readonly JudgedSignature[];
  readonly evaluatedAt: string;
  readonly engineVersion: string;
}

/**
 * Judges every signature of a manifest, never stopping at the first: a bad one does not hide a good one. The manifest's
 * bytes are hashed again. Nothing is fetched; what is missing makes a verdict indeterminate.
 */
export async function verifyManifest(
  manifest: StoredManifest,
  signatures: readonly GivenSignature[],
  reference: string | undefined,
  trust: TrustMaterial,
  now = new Date(),
): Promise<VerificationReport> {
  const evaluatedAt = now.toISOString();
  const context = { manifest, trust, now, ...(reference === undefined ? {} : { reference }) };
  const requirements = requirementsOf(context);
  const mismatch = digestMismatch(manifest, reference);
  const judged: JudgedSignature[] = [];
  const met = new Set<number>();
  for (const signature of signatures) {
    const judgement =
      mismatch === undefined ? await judge(signature, context) : { report: misplaced(signature, mismatch), met: [] };
    for (const place of judgement.met) met.add(place);
    judged.push({
      ...judgement.report,
      format: signature.format,
      verified: judgement.report.outcome === 'verified',
      signatureRef: { id: signature.id ?? null, digest: signature.digest },
      evaluatedAt,
      engineVersion: ENGINE_VERSION,
    });
  }
  const fulfilled =
    requirements?.every(({ type }, place) => type === 'insecureAcceptAnything' || met.has(place)) ?? true;
  const counting = judged.filter((each) => each.verified && (fulfilled || each.policy?.id !== POLICY_ID));
  const verified = counting.length > 0;
  return {
    verified,
    outcome: verified ? 'verified' : asksNothing(requirements) ? 'skipped' : bestUnverified(judged),
    signers: [...new Set(counting.map(nameSigner))],
    code: signatures.length === 0 ? 'NO_SIGNATURE' : null,
    reference: reference ?? null,
    subject: { digest: manifest.digest, mediaType: manifest.mediaType, size: manifest.size },
    signatures: judged,
    evaluatedAt,
    engineVersion: ENGINE_VERSION,
  };
}

async function judge(signature: GivenSignature, context: VerifyContext): Promise<Judgement> {
  try {
    return await judgeSignature(signature.format, signature.bytes, context);
  } catch (error) {
    // A malformed policy is the caller's to mend; it is the same for every signature.
    if (isDomainError(error)) throw error;
    const report = refused(signature, {
      name: 'envelope',
      action: 'enforce',
      result: 'fail',
      code: 'MALFORMED_ENVELOPE',
      detail: 'the signature cannot be read',
    });
    return { report, met: [] };
  }
}

/** What is wrong with the manifest itself: its bytes, or that it is not the one which the reference names. */
function digestMismatch({ bytes, digest }: StoredManifest, reference: string | undefined): string | undefined {
  const named = reference === undefined ? undefined : parseDockerReference(reference)?.digest;
  if (digestOf(bytes, algorithmOf(digest)) !== digest) return 'the stored bytes of the manifest are damaged';
  if (named === undefined || digestOf(bytes, algorithmOf(named)) === named) return undefined;
  return `the reference names ${named}, the manifest is ${digest}`;
}

function misplaced(signature: GivenSignature, detail: string): SignatureReport {
  return refused(signature, {
    name: 'digest',
    action: 'enforce',
    result: 'fail',
    code: 'DIGEST_MISMATCH',
    detail,
  });
}

function refused(signature: GivenSignature, check: Check): SignatureReport {
  const family = signature.format === 'simple' ? 'atomic' : signature.format;
  return {
    family,
    scheme: family,
    outcome: 'failed',
    checks: [check],
    signer: null,
    claimed: {},
    trustedTime: null,
    policy: null,
  };
}

/** True for a policy under which clients take every image, signed or not. */
function asksNothing(requirements: ReturnType<typeof requirementsOf>): boolean {
  return requirements?.every(({ type }) => type === 'insecureAcceptAnything') ?? false;
}

const ORDER: readonly Outcome[] = ['skipped', 'untrusted', 'indeterminate', 'failed'];

/** What is said of an image without enough verified signatures: a verified one too many is of somebody whom nobody asked for. */
function bestUnverified(judged: readonly JudgedSignature[]): Outcome {
  const outcomes = judged.map(({ outcome }): Outcome => (outcome === 'verified' ? 'untrusted' : outcome));
  return ORDER.find((outcome) => outcomes.includes(outcome)) ?? 'failed';
}
