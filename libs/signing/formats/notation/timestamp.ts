import { messageOf } from '#platform/domain-error.js';
import type { Certificate } from '../x509/certificate.js';
import { findPath, findPathProblem } from '../x509/certificate-path.js';
import { findChainProblem, TIME_STAMPING } from './certificate-rules.js';
import { isTokenFor, readToken, timeOfToken, type TimestampToken } from './timestamp-token.js';
import { verifySigner } from './token-signer.js';

/** A time that a timestamp authority vouches for, with the range that its accuracy leaves open. */
export interface Timestamp {
  readonly time: Date;
  readonly from: Date;
  readonly until: Date;
  /** Signing certificate first, root last. */
  readonly chain: readonly Certificate[];
}

/** Most signatures of one token that are tried. */
const MAX_SIGNERS = 8;

/**
 * Verifies a countersignature: imprint, CMS signature, signing certificate attribute, chain to a trusted authority, chain
 * rules and validity at the stamped time. One good signature is enough. Throws a plain `Error` with the reason.
 */
export function verifyTimestamp(token: Uint8Array, stamped: Uint8Array, trusted: readonly Certificate[]): Timestamp {
  const read = readToken(token);
  if (!isTokenFor(read, stamped)) throw new Error('the token was made for other bytes');
  const bounds = timeOfToken(read);
  let problem = 'the token is not signed';
  for (const signer of read.signers.slice(0, MAX_SIGNERS)) {
    try {
      const { certificate, signingTime } = verifySigner(read, signer);
      const times = signingTime ? [bounds.time, signingTime] : [bounds.time];
      return { ...bounds, chain: findTrustedChain(certificate, read, trusted, times) };
    } catch (error) {
      problem = messageOf(error);
    }
  }
  throw new Error(problem);
}

/** A chain with a trusted certificate in it, to a root that is trusted or came along. */
function findTrustedChain(
  leaf: Certificate,
  { certificates }: TimestampToken,
  trusted: readonly Certificate[],
  times: readonly Date[],
): readonly Certificate[] {
  const anchors = new Set(trusted.map(({ fingerprint }) => fingerprint));
  const roots = [...trusted, ...certificates].filter((certificate) => certificate.isSignedBy(certificate));
  let problem = 'no trusted timestamp authority is in the chain of the token';
  const chain = findPath(leaf, [...trusted, ...certificates], roots, (path) => {
    if (!path.some(({ fingerprint }) => anchors.has(fingerprint))) return false;
    const found = findPathProblem(path, times, TIME_STAMPING) ?? findChainProblem(path, 'timestamping');
    if (found) problem = found.detail;
    return !found;
  });
  if (!chain) throw new Error(problem);
  return chain;
}
