import { type ContainersPolicy, parseContainersPolicy, requirementsFor } from '../containers-policy.js';
import { formatOf } from '../formats/all.js';
import type { FormatName, VerifyContext } from '../formats/signature-format.js';
import { type Check, outcomeOf, type SignatureReport } from '../report.js';
import { openRequirement } from '../signature-requirement.js';

/** A verdict with the places of the requirements of the containers policy that the signature meets. */
export interface Judgement {
  readonly report: SignatureReport;
  readonly met: readonly number[];
}

/** What a containers policy may ask of each family; it knows no others. */
const ASKED: Readonly<Partial<Record<FormatName, string>>> = { simple: 'signedBy', cosign: 'sigstoreSigned' };

/** The requirements of the context's policy for its reference; undefined without a policy. Throws when the policy is invalid. */
export function requirementsOf({ trust, reference }: Pick<VerifyContext, 'trust' | 'reference'>) {
  if (trust.containersPolicy === undefined) return undefined;
  const policy: ContainersPolicy = parseContainersPolicy(trust.containersPolicy);
  return reference === undefined ? policy.default : requirementsFor(policy, reference);
}

/**
 * Judges one signature. Under a containers policy it is held against every requirement that asks for its family, and is
 * verified when it meets one of them; whether the image passes is decided over all its signatures.
 */
export async function judgeSignature(
  format: FormatName,
  bytes: Uint8Array,
  context: VerifyContext,
): Promise<Judgement> {
  const { verify } = formatOf(format);
  const requirements = requirementsOf(context);
  if (!requirements || ASKED[format] === undefined) return { report: await verify(bytes, context), met: [] };
  const refusal = requirements.find(({ type }) => type === 'reject' || type === 'signedBaseLayer');
  const asking = refusal ? [] : [...requirements.entries()].filter(([, { type }]) => type === ASKED[format]);
  const met: number[] = [];
  const reports: SignatureReport[] = [];
  for (const [place, asked] of asking) {
    const requirement = openRequirement(asked, context.trust);
    const report = requirement
      ? await verify(bytes, { ...context, requirement })
      : withPolicyCheck(await verify(bytes, context), NOT_EVALUATED);
    if (report.outcome === 'verified') met.push(place);
    reports.push({ ...report, policy: { id: POLICY_ID, statement: asked.type } });
  }
  const shown = reports.find(({ outcome }) => outcome === 'verified') ?? reports[0];
  if (shown) return { report: shown, met };
  const open = !refusal && requirements.every(({ type }) => type === 'insecureAcceptAnything');
  const check = refusal ? refusedBy(refusal.type) : open ? ACCEPTED : askedForOther(format, requirements[0]!.type);
  const report = withPolicyCheck(await verify(bytes, context), check);
  const outcome = open && report.outcome !== 'verified' ? 'skipped' : report.outcome;
  return { report: { ...report, outcome, policy: { id: POLICY_ID } }, met };
}

/** What reports name a containers policy by. */
export const POLICY_ID = 'containers-policy';

const refusal = (detail: string): Check => ({
  name: 'policy',
  action: 'enforce',
  result: 'fail',
  code: 'NO_APPLICABLE_POLICY',
  detail,
});
const NOT_EVALUATED = refusal('the policy asks for a kind of key that no client evaluates; only GPGKeys are');
const ACCEPTED: Check = { name: 'policy', action: 'enforce', result: 'pass', detail: 'the policy accepts anything' };
const refusedBy = (type: string) =>
  refusal(
    type === 'reject'
      ? 'the policy rejects this image, signed or not'
      : `the policy asks for ${type}, which nothing can satisfy`,
  );
const askedForOther = (format: FormatName, type: string) =>
  refusal(`the policy asks for ${type}, which a ${format} signature cannot fulfil`);

function withPolicyCheck(report: SignatureReport, check: Check): SignatureReport {
  const checks = [...report.checks, check];
  return { ...report, checks, outcome: outcomeOf(checks) };
}
