import { invalid } from '#platform/domain-error.js';
import { formatOf } from '../formats/all.js';
import type { FormatName, StoredManifest } from '../formats/signature-format.js';
import type { TrustMaterial } from '../trust-material.js';
import type { SignatureReport } from '../report.js';

/**
 * Verifies a signature that was just made, before anything is stored: by the service's own key, for this manifest, under
 * this reference. Throws an invalid DomainError that names the check that failed.
 */
export async function requireOwnSignature(
  format: FormatName,
  signature: Uint8Array,
  manifest: StoredManifest,
  reference: string,
  trust: TrustMaterial,
): Promise<SignatureReport> {
  const report = await formatOf(format).verify(signature, { manifest, reference, trust, now: new Date() });
  const failed = report.checks.find((check) => check.result === 'fail' && check.action === 'enforce');
  if (report.outcome !== 'verified')
    throw invalid(
      `The signature was refused at the check '${failed?.name ?? report.outcome}': ${failed?.detail ?? 'it is not verified'}`,
      'script',
      failed?.code ?? 'BAD_SIGNATURE',
      { checks: report.checks },
    );
  const claimed = report.claimed['reference'];
  if (typeof claimed === 'string' && claimed !== reference)
    throw invalid(
      `The signature was refused at the check 'reference': it names '${claimed}' in place of '${reference}'.`,
      'script',
      'REFERENCE_MISMATCH',
    );
  return report;
}
