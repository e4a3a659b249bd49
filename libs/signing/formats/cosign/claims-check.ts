import { matchIdentity } from '#signing/containers-policy.js';
import type { VerifyContext } from '../signature-format.js';
import { LayerAnnotation } from './layer-document.js';
import { reasonOf } from './malformed.js';
import { readSimplePayload, type SimplePayload } from './simple-payload.js';
import type { SignedMaterial } from './signed-material.js';
import { requirementOf } from './sigstore-requirement.js';
import { claimedDigest, SIGN_PREDICATE, statementOf, subjectOf, type Statement } from './statement.js';
import { failed, notApplicable, passed, type Step } from './step.js';

const PREDICATE_ANNOTATION = 'dev.sigstore.bundle.predicateType';

/** The checks of what a signature says, in the order of the report. */
export interface ClaimsCheck {
  readonly payload: Step;
  readonly digest: Step;
  readonly predicate: Step;
  readonly reference: Step;
  readonly annotations: Step;
  readonly claimed: Readonly<Record<string, unknown>>;
}

/** Reads the signed payload strictly and binds it to the manifest, and to the reference when a policy asks for that. */
export function checkClaims(material: SignedMaterial, context: VerifyContext): ClaimsCheck {
  if (material.content === 'unsigned') return nothing(notApplicable('an SBOM signs nothing'));
  try {
    if (material.content === 'simple-signing') return checkSimple(readSimplePayload(material.payload), context);
    return checkStatement(statementOf(material), material, context);
  } catch (error) {
    const { code, detail } = reasonOf(error, 'MALFORMED_PAYLOAD');
    return nothing(failed(code, detail));
  }
}

function nothing(payload: Step): ClaimsCheck {
  const unread = notApplicable('there is no payload to compare');
  return { payload, digest: unread, predicate: unread, reference: unread, annotations: unread, claimed: {} };
}

function checkSimple(payload: SimplePayload, context: VerifyContext): ClaimsCheck {
  const { manifestDigest, reference, creator, timestamp, optional } = payload;
  return {
    payload: passed('a simple-signing payload'),
    digest: sameDigest(manifestDigest === context.manifest.digest, manifestDigest, context),
    predicate: notApplicable('a simple-signing payload has no predicate'),
    reference: checkReference(reference, context),
    annotations: notApplicable('no annotations are asked for'),
    claimed: { manifestDigest, reference, creator, timestamp, annotations: optional },
  };
}

function checkStatement(statement: Statement, material: SignedMaterial, context: VerifyContext): ClaimsCheck {
  const subject = subjectOf(statement, context.manifest.digest);
  const manifestDigest = claimedDigest(statement);
  const { predicateType } = statement;
  return {
    payload: passed('an in-toto statement'),
    digest: sameDigest(subject !== undefined, manifestDigest ?? 'no digest known here', context),
    predicate: checkPredicate(predicateType, context),
    reference: notApplicable('this form of signature names no reference: it holds for the digest wherever it is found'),
    annotations: checkAnnotations(predicateType, material, context),
    claimed: { manifestDigest, predicateType, annotations: (subject ?? statement.subjects[0])?.annotations },
  };
}

function sameDigest(same: boolean, claimed: string, { manifest }: VerifyContext): Step {
  if (same) return passed(`signed for ${manifest.digest}`);
  return failed('DIGEST_MISMATCH', `signed for ${claimed}, and the manifest is ${manifest.digest}`);
}

function checkPredicate(predicateType: string, { trust }: VerifyContext): Step {
  const accepted = trust.predicateTypes ?? [SIGN_PREDICATE];
  if (accepted.includes(predicateType)) return passed(predicateType);
  return failed(
    'PREDICATE_MISMATCH',
    `the statement is a ${predicateType}; accepted: ${accepted.join(', ') || 'none'}`,
  );
}

function checkReference(signed: string, context: VerifyContext): Step {
  const requirement = requirementOf(context);
  if (!requirement) return notApplicable(`signed as "${signed}"; no policy asks for it`);
  const match = matchIdentity(requirement.signedIdentity, context.reference ?? '', signed);
  return match.ok ? passed(match.detail) : failed('REFERENCE_MISMATCH', match.detail);
}

/** Nothing signs the outer predicate type, so a lie there is shown and does not decide. */
function checkAnnotations(predicateType: string, material: SignedMaterial, { carrier }: VerifyContext): Step {
  const outer = material.annotations[LayerAnnotation.predicateType] ?? carrier?.annotations?.[PREDICATE_ANNOTATION];
  if (outer === undefined || outer === '') return notApplicable('no annotations are asked for');
  if (outer === predicateType) return passed('the outer predicate type is the signed one');
  return failed('ANNOTATION_MISMATCH', `the artifact says ${outer}, the signed statement ${predicateType}`, 'log');
}
