import {
  toSignedEntity,
  VerificationError,
  type SignedEntity,
  type TrustMaterial as SigstoreTrust,
} from '@sigstore/verify';
import type { TrustMaterial } from '../../trust-material.js';
import type { CertificateDetails } from './certificate-details.js';
import { verifyEvidence } from './evidence.js';
import { matchIdentities } from './identity.js';
import type { SignedMaterial } from './signed-material.js';
import { failed, type Step } from './step.js';

/** Checks a short-lived certificate against a sigstore trusted root at times that were proven before. */
export function checkKeyless(
  material: SignedMaterial,
  leaf: CertificateDetails,
  root: SigstoreTrust,
  identities: NonNullable<TrustMaterial['identities']>,
  times: readonly Date[],
): Step {
  if (times.length === 0)
    return failed('TIMESTAMP_MISSING', 'nothing proves when the short-lived certificate was used');
  if (leaf.unknownCritical)
    return failed(
      'CERT_CHAIN_INVALID',
      `the certificate has the extension ${leaf.unknownCritical}, which is not understood`,
    );
  try {
    verifyEvidence(
      material,
      { key: keyOf(leaf), timestamps: times.map(proven) },
      { certificateAuthorities: root.certificateAuthorities, ctlogs: root.ctlogs },
      { ctlogThreshold: root.ctlogs.length > 0 ? 1 : 0 },
    );
  } catch (error) {
    return explain(error, leaf, times);
  }
  return matchIdentities(leaf, identities);
}

/** A time that is already verified, in the form that the library judges certificates at. */
function proven(time: Date, index: number): SignedEntity['timestamps'][number] {
  const keyId = Buffer.from([index]);
  const entry = { integratedTime: String(Math.floor(time.getTime() / 1000)), logId: { keyId }, inclusionPromise: {} };
  return { $case: 'transparency-log', tlogEntry: entry } as SignedEntity['timestamps'][number];
}

function keyOf(leaf: CertificateDetails): SignedEntity['key'] {
  const certificate = { rawBytes: leaf.certificate.raw };
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

function explain(error: unknown, leaf: CertificateDetails, times: readonly Date[]): Step {
  const { validFromDate, validToDate } = leaf.certificate;
  if (times.some((time) => time > validToDate))
    return failed('CERT_EXPIRED', `the certificate ended ${validToDate.toISOString()}, before it was used`);
  if (times.some((time) => time < validFromDate))
    return failed('CERT_NOT_YET_VALID', `the certificate starts ${validFromDate.toISOString()}, after it was used`);
  if (!(error instanceof VerificationError)) return failed('CERT_CHAIN_INVALID', 'the certificate cannot be checked');
  if (error.message.includes('SCT'))
    return failed('SCT_MISSING', `the certificate is not in a trusted CT log: ${error.message}`);
  return failed('UNTRUSTED_ROOT', 'the certificate does not chain to an authority of the trusted root');
}
