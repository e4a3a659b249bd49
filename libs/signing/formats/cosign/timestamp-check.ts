import { toSignedEntity, type SignedEntity, type TrustMaterial as SigstoreTrust } from '@sigstore/verify';
import { type Certificate, certificatesOf } from '../x509/certificate.js';
import { findPath, findPathProblem } from '../x509/certificate-path.js';
import { verifyEvidence } from './evidence.js';
import { reasonOf } from './malformed.js';
import type { SignedMaterial } from './signed-material.js';
import { stampsTime } from './signing-certificate.js';
import { failed, notApplicable, passed, type Step } from './step.js';
import { readTimestampToken } from './timestamp-token.js';
import { authoritiesOf } from './trusted-root.js';

/** The check of RFC 3161 timestamps, and the times that they prove. */
export interface TimestampCheck {
  readonly step: Step;
  readonly times: readonly Date[];
}

/** As many tokens as clients look at. */
const MAX_TOKENS = 32;
const MAX_CERTIFICATES = 8;
type Timestamp = SignedEntity['timestamps'][number];

/** Verifies the timestamps of a signature against authorities of the trusted root and of the `tsa` certificates. */
export function checkTimestamps(
  material: SignedMaterial,
  authorities: SigstoreTrust['timestampAuthorities'],
  tsaCertificates: readonly string[],
): TimestampCheck {
  if (!material.hasTimestamps) return { step: notApplicable('there is no timestamp'), times: [] };
  if (authorities.length === 0 && tsaCertificates.length === 0)
    return { step: notApplicable('no timestamp authority is trusted'), times: [] };
  const tokens = readTokens(material);
  if (tokens.length > MAX_TOKENS) return { step: failed('TIMESTAMP_INVALID', `over ${MAX_TOKENS} tokens`), times: [] };
  const anchors = certificatesOf(tsaCertificates);
  const times: Date[] = [];
  let problem = 'it holds no token';
  for (const token of tokens) {
    try {
      times.push(verifyToken(material, token, authorities, anchors));
    } catch (error) {
      problem = reasonOf(error, 'TIMESTAMP_INVALID').detail;
    }
  }
  if (times.length === 0) return { step: failed('TIMESTAMP_INVALID', `no timestamp is valid: ${problem}`), times };
  return { step: passed(`stamped at ${times[0]!.toISOString()}`), times };
}

function readTokens(material: SignedMaterial): readonly Buffer[] {
  try {
    return material.timestamps();
  } catch {
    return [];
  }
}

function verifyToken(
  material: SignedMaterial,
  token: Buffer,
  authorities: SigstoreTrust['timestampAuthorities'],
  anchors: readonly Certificate[],
): Date {
  const { signer, certificates } = readTimestampToken(token);
  const [timestamp] = parseToken(token);
  if (timestamp?.$case !== 'timestamp-authority') throw new Error('it is not an RFC 3161 response');
  const time = timestamp.timestamp.signingTime;
  const own = anchors.length > 0 ? authoritiesOf(chainsOf(certificates, anchors, time)) : [];
  const trusted = [...authorities, ...own].filter(
    ({ certChain: [leaf] }) => !signer || leaf?.root.toDER().equals(signer.der) === true,
  );
  verifyEvidence(material, { timestamps: [timestamp] }, { timestampAuthorities: trusted }, { timestampThreshold: 1 });
  return time;
}

function parseToken(token: Buffer): readonly Timestamp[] {
  const entity = toSignedEntity({
    mediaType: '',
    verificationMaterial: {
      tlogEntries: [],
      timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: token }] },
      content: { $case: 'publicKey', publicKey: { hint: '' } },
    },
    content: { $case: 'dsseEnvelope', dsseEnvelope: { payload: Buffer.alloc(0), payloadType: '', signatures: [] } },
  });
  return entity.timestamps;
}

/** Chains from the signing certificates that a token carries, or that are trusted themselves, to the trusted ones. */
function chainsOf(carried: readonly Certificate[], anchors: readonly Certificate[], time: Date): Buffer[][] {
  return [...carried, ...anchors]
    .filter(stampsTime)
    .slice(0, MAX_CERTIFICATES)
    .flatMap((leaf) => {
      const path = findPath(leaf, carried, anchors);
      if (!path || findPathProblem(path, [time])) return [];
      return [[...path, ...anchors].map(({ der }) => Buffer.from(der))];
    });
}
