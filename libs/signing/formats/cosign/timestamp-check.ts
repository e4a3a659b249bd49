import { type Certificate, certificatesOf } from '../x509/certificate.js';
import { findPath, findPathProblem } from '../x509/certificate-path.js';
import { reasonOf } from './malformed.js';
import type { SignedMaterial } from './signed-material.js';
import { stampsTime, TIME_STAMPING } from './signing-certificate.js';
import { failed, notApplicable, passed, type Step } from './step.js';
import { readTimestampToken } from './timestamp-token.js';
import { ALWAYS } from './transparency-log.js';
import type { Authority, RootView } from './trusted-root.js';

/** The check of RFC 3161 timestamps, and the times that they prove. */
export interface TimestampCheck {
  readonly step: Step;
  readonly times: readonly Date[];
}

/** As many tokens as clients look at. */
const MAX_TOKENS = 32;

/** Verifies the timestamps of a signature against authorities of the trusted root and of the `tsa` certificates. */
export function checkTimestamps(
  material: SignedMaterial,
  authorities: RootView['timestampAuthorities'],
  tsaCertificates: readonly string[],
): TimestampCheck {
  if (!material.hasTimestamps) return { step: notApplicable('there is no timestamp'), times: [] };
  if (authorities.length === 0 && tsaCertificates.length === 0)
    return { step: notApplicable('no timestamp authority is trusted'), times: [] };
  const tokens = readTokens(material);
  if (tokens.length > MAX_TOKENS) return { step: failed('TIMESTAMP_INVALID', `over ${MAX_TOKENS} tokens`), times: [] };
  const trusted = [...authorities, ...authoritiesOf(certificatesOf(tsaCertificates))];
  const times: Date[] = [];
  let problem = 'it holds no token';
  for (const token of tokens) {
    try {
      times.push(verifyToken(material, token, trusted));
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

/** The time of a token that an authority made for this signature; throws when none did. */
function verifyToken(material: SignedMaterial, token: Buffer, authorities: readonly Authority[]): Date {
  const { time, certificates, isOf, verify } = readTimestampToken(token);
  for (const { anchor, chain, validFor } of authorities) {
    if (time < validFor.start || time > validFor.end) continue;
    const named = stamperOf([...chain, anchor]);
    const signer = certificates.find(isOf) ?? named;
    if (!signer || !isOf(signer) || !stampsTime(signer)) continue;
    if (named && named.fingerprint !== signer.fingerprint) continue;
    const path = findPath(signer, [...chain, ...certificates], [anchor]);
    if (!path || findPathProblem(path, [time], TIME_STAMPING)) continue;
    verify(material.stamped, signer.publicKey);
    return time;
  }
  throw new Error('no trusted authority made it');
}

/** The certificate that an authority stamps with, where it names one: first in its chain. */
function stamperOf([first]: readonly Certificate[]): Certificate | undefined {
  return first?.extensions.basicConstraints?.ca === true ? undefined : first;
}

/** Every certificate that is trusted for timestamps stands for itself. */
function authoritiesOf(certificates: readonly Certificate[]): Authority[] {
  return certificates.map((anchor) => ({ anchor, chain: [], validFor: ALWAYS }));
}
