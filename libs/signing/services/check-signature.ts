import { type DomainError, invalid } from '#platform/domain-error.js';
import { formatOf } from '../formats/all.js';
import type { FormatName, StoredManifest } from '../formats/signature-format.js';
import type { TrustMaterial } from '../trust-material.js';

/**
 * Why a signature is not one of the service itself, whose key alone is trusted, for this manifest under just this reference:
 * an invalid error that names the check that failed. Undefined when it is.
 */
export async function findRefusal(
  format: FormatName,
  signature: Uint8Array,
  manifest: StoredManifest,
  reference: string,
  trust: TrustMaterial,
): Promise<DomainError | undefined> {
  const report = await formatOf(format).verify(signature, { manifest, reference, trust, now: new Date() });
  const failed = report.checks.find((check) => check.result === 'fail' && check.action === 'enforce');
  if (report.outcome !== 'verified')
    return invalid(
      `The signature was refused at the check '${failed?.name ?? report.outcome}': ${failed?.detail ?? 'it is not verified'}`,
      'script',
      failed?.code ?? 'BAD_SIGNATURE',
      { checks: report.checks },
    );
  const claimed = report.claimed['reference'];
  if (typeof claimed === 'string' && claimed !== reference)
    return invalid(
      `The signature was refused at the check 'reference': it names '${claimed}' in place of '${reference}'.`,
      'script',
      'REFERENCE_MISMATCH',
    );
  return undefined;
}
