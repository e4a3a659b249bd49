import {
  toSignedEntity,
  VerificationError,
  type SignedEntity,
  type TrustMaterial as SigstoreTrust,
} from '@sigstore/verify';
import type { TrustMaterial } from '../../trust-material.js';
import { type Certificate, readCertificate } from '../x509/certificate.js';
import { findPath, findPathProblem } from '../x509/certificate-path.js';
import { verifyEvidence } from './evidence.js';
import { matchIdentities } from './identity.js';
import type { SignedMaterial } from './signed-material.js';
import { CODE_SIGNING } from './signing-certificate.js';
import { failed, type Step } from './step.js';

/** Checks a short-lived certificate against a sigstore trusted root at times that were proven before. */
export function checkKeyless(
  material: SignedMaterial,
  leaf: Certificate,
  root: SigstoreTrust,
  identities: NonNullable<TrustMaterial['identities']>,
  times: readonly Date[],
): Step {
  if (times.length === 0)
    return failed('TIMESTAMP_MISSING', 'nothing proves when the short-lived certificate was used');
  const path = pathOf(leaf, root, times);
  if (!path) return failed('UNTRUSTED_ROOT', NOT_CHAINED);
  const problem = findPathProblem(path, times, CODE_SIGNING);
  if (problem) return failed(problem.code, problem.detail);
  try {
    verifyEvidence(
      material,
      { key: keyOf(leaf), timestamps: times.map(proven) },
      { certificateAuthorities: root.certificateAuthorities, ctlogs: root.ctlogs },
      { ctlogThreshold: root.ctlogs.length > 0 ? 1 : 0 },
    );
  } catch (error) {
    return explain(error);
  }
  return matchIdentities(leaf, identities);
}

const NOT_CHAINED = 'the certificate does not chain to an authority of the trusted root';

/** The way to the last certificate of an authority that was trusted at all of the times. */
function pathOf(
  leaf: Certificate,
  { certificateAuthorities }: SigstoreTrust,
  times: readonly Date[],
): readonly Certificate[] | undefined {
  for (const { certChain, validFor } of certificateAuthorities) {
    if (times.some((time) => time < validFor.start || time > validFor.end)) continue;
    const chain = certChain.map((each) => readCertificate(each.root.toDER())).filter((each) => each !== undefined);
    const path = findPath(leaf, chain.slice(0, -1), chain.slice(-1));
    if (path) return path;
  }
  return undefined;
}

/** A time that is already verified, in the form that the library judges certificates at. */
function proven(time: Date, index: number): SignedEntity['timestamps'][number] {
  const keyId = Buffer.from([index]);
  const entry = { integratedTime: String(Math.floor(time.getTime() / 1000)), logId: { keyId }, inclusionPromise: {} };
  return { $case: 'transparency-log', tlogEntry: entry } as SignedEntity['timestamps'][number];
}

function keyOf(leaf: Certificate): SignedEntity['key'] {
  const certificate = { rawBytes: Buffer.from(leaf.der) };
  return toSignedEntity({
    mediaType: '',
    verificationMaterial: {
      tlogEntries: [],
      timestampVerificationData: undefined,
      content: { $case: 'certificate', certificate },
    },
    content: { $case: 'dsseEnvelope', dsseEnvelope: { payload: Buffer.alloc(0), payloadType: '', signatures: [] } },
  }).key;
}

function explain(error: unknown): Step {
  if (error instanceof VerificationError && error.message.includes('SCT'))
    return failed('SCT_MISSING', `the certificate is not in a trusted CT log: ${error.message}`);
  return failed('UNTRUSTED_ROOT', NOT_CHAINED);
}
