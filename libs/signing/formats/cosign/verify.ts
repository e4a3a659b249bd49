import { CheckList, type SignatureReport } from '../../report.js';
import type { VerifyContext } from '../signature-format.js';
import { certificateNotNeeded, checkCertificate, type CertificateCheck } from './certificate-check.js';
import { checkClaims } from './claims-check.js';
import { checkLog, type LogCheck } from './log-check.js';
import { reasonOf } from './malformed.js';
import { checkSignature, type Signer } from './signature-check.js';
import { readMaterial, type SignedMaterial } from './signed-material.js';
import { signerRecord } from './signer-record.js';
import { requirementOf } from './sigstore-requirement.js';
import { failed, notApplicable, passed, record, type Step } from './step.js';
import { checkTimestamps } from './timestamp-check.js';
import { logsOfKeys } from './transparency-log.js';
import { viewTrustedRoot, type RootView } from './trusted-root.js';

const AFTER_ENVELOPE = [
  'layer-digest',
  'key',
  'signature',
  'certificate',
  'tlog',
  'timestamp',
  'payload',
  'digest',
  'predicate',
  'reference',
  'annotations',
] as const;

/**
 * All checks on one cosign signature, in a fixed order and none left out. Nothing here touches the outside, so whatever is
 * thrown was caused by the input, and one bad signature must not hide a good one.
 */
export function verifyCosign(signature: Uint8Array, context: VerifyContext): SignatureReport {
  try {
    return judge(readMaterial(signature), context);
  } catch (error) {
    return unreadable(error);
  }
}

function judge(material: SignedMaterial, context: VerifyContext): SignatureReport {
  const checks = new CheckList();
  record(checks, 'envelope', passed(material.content));
  record(checks, 'layer-digest', notApplicable('the payload is kept with its signature, not by its digest'));
  const root = viewTrustedRoot(context.trust.trustedRoot);
  const { key, signature: cryptography, signer } = checkSignature(material, context);
  const { logKeys } = requirementOf(context) ?? {};
  const log = checkLog(
    material,
    logsFor(root, context),
    logKeys && 'the policy asks for an entry in a transparency log',
    signer,
  );
  const timestamp = checkTimestamps(material, root.timestampAuthorities, context.trust.tsaCertificates ?? []);
  const certificate = certificateOf(material, context, root, signer, [...log.times, ...timestamp.times]);
  const { claimed, ...claims } = checkClaims(material, context);
  const steps = {
    key,
    signature: cryptography,
    certificate: certificate.step,
    tlog: certificate.keyless ? logOfKeyless(log, root) : log.step,
    timestamp: timestamp.step,
    ...claims,
  };
  for (const name of AFTER_ENVELOPE.slice(1)) record(checks, name, steps[name as keyof typeof steps]);
  return {
    family: 'cosign',
    scheme: material.scheme,
    outcome: checks.outcome(),
    checks: checks.checks,
    signer: signer ? signerRecord(signer, material) : null,
    claimed: JSON.parse(JSON.stringify(claimed)) as Record<string, unknown>,
    trustedTime: trustedTime(log, timestamp.times),
    policy: null,
  };
}

function unreadable(error: unknown): SignatureReport {
  const checks = new CheckList();
  const { code, detail } = reasonOf(error, 'MALFORMED_ENVELOPE');
  record(checks, 'envelope', failed(code, detail));
  for (const name of AFTER_ENVELOPE) record(checks, name, notApplicable('the signature cannot be read'));
  const rest = { signer: null, claimed: {}, trustedTime: null, policy: null };
  return { family: 'cosign', scheme: 'cosign', outcome: checks.outcome(), checks: checks.checks, ...rest };
}

function certificateOf(
  material: SignedMaterial,
  context: VerifyContext,
  root: RootView,
  signer: Signer | undefined,
  times: readonly Date[],
): CertificateCheck {
  const without = (step: Step): CertificateCheck => ({ step });
  if (material.certificates.length === 0) return without(notApplicable('the signature carries no certificate'));
  if (!signer) return without(notApplicable('its key did not make the signature'));
  if (signer.by === 'key') return certificateNotNeeded;
  const { trust, now } = context;
  const requirement = requirementOf(context);
  const check = checkCertificate({ material, trust, requirement, root, times, now });
  if (check.step.result !== 'fail' || root.problem === undefined) return check;
  return without(failed(check.step.code, `${check.step.detail}; ${root.problem}`));
}

/** The logs that a policy names by their keys, else those of the trusted root. */
function logsFor({ logs }: RootView, context: VerifyContext) {
  const requirement = requirementOf(context);
  if (requirement && !requirement.logKeys) return [];
  return requirement?.logKeys?.length ? logsOfKeys(requirement.logKeys) : logs;
}

/** A trusted root with logs asks for an entry from everyone whose certificate it vouches for. */
function logOfKeyless(log: LogCheck, root: RootView): Step {
  if (log.step.result !== 'not_applicable' || root.logs.length === 0) return log.step;
  return failed('TLOG_MISSING', 'the trusted root asks for an entry in a transparency log');
}

function trustedTime(log: LogCheck, stamped: readonly Date[]): SignatureReport['trustedTime'] {
  if (stamped[0]) return { value: stamped[0].toISOString(), source: 'rfc3161' };
  return log.times[0] ? { value: log.times[0].toISOString(), source: 'tlog' } : null;
}
