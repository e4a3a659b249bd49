import { X509Certificate } from 'node:crypto';
import type { SigstoreSignedRequirement } from '#signing/containers-policy.js';
import type { TrustMaterial } from '../../trust-material.js';
import type { PolicyView } from './policy-view.js';
import type { SignedMaterial } from './signed-material.js';
import { failed, notApplicable, passed, type Step } from './step.js';
import { describeKey, isSignedBy, keysIn, type KeySet, type PublicKey } from './trusted-keys.js';

/** The key that made the signature, and where it came from. */
export interface Signer {
  readonly by: 'key' | 'certificate';
  readonly key: PublicKey;
  /** The requirement of the policy that names the key. */
  readonly requirement?: SigstoreSignedRequirement;
}

/** The checks `key` and `signature`, with the signer when the cryptography is right. */
export interface SignatureCheck {
  readonly key: Step;
  readonly signature: Step;
  readonly signer?: Signer;
}

type Candidate = Omit<Signer, 'by'>;

/** Finds the trusted key, else the certificate's key, that made the signature. Hints only order the search. */
export function checkSignature(material: SignedMaterial, trust: TrustMaterial, policy: PolicyView): SignatureCheck {
  if (material.content === 'unsigned')
    return {
      key: notApplicable('nothing is signed'),
      signature: failed('NO_SIGNATURE', 'an SBOM in a companion manifest is carried without a signature'),
    };
  const { candidates, problems } = candidatesOf(trust, policy);
  const named = candidates.filter(({ key }) => isNamed(key, material));
  const found = [...named, ...candidates].find(({ key }) => isSignedBy(key, material.signed, material.signature));
  if (policy.refusal !== undefined) return refuse(policy.refusal, found);
  if (found) return { key: trusted(found.key), signature: verifies(found.key), signer: { by: 'key', ...found } };
  if (material.certificates[0]) return checkByCertificate(material, material.certificates[0]);
  return explainFailure(material, candidates.length, named[0]?.key, problems, trust);
}

const trusted = (key: PublicKey) => passed(`${key.algorithm} key ${key.fingerprint} is trusted`);
const verifies = (key: PublicKey) => passed(`${key.algorithm} signature over the exact bytes`);

function refuse(refusal: string, found: Candidate | undefined): SignatureCheck {
  return {
    key: failed('NO_APPLICABLE_POLICY', refusal),
    signature: found ? verifies(found.key) : notApplicable('no key of the policy applies'),
  };
}

function candidatesOf(trust: TrustMaterial, policy: PolicyView) {
  const problems: KeySet['problems'][number][] = [];
  const read = (text: string, requirement?: SigstoreSignedRequirement): Candidate[] => {
    const set = keysIn(text);
    problems.push(...set.problems);
    return set.keys.map((key) => ({ key, ...(requirement ? { requirement } : {}) }));
  };
  const demanded = policy.requirements.flatMap((requirement) =>
    (requirement.keyDatas ?? []).flatMap((data) => read(Buffer.from(data).toString('utf8'), requirement)),
  );
  return { candidates: [...demanded, ...trust.cosignKeys.flatMap((text) => read(text))], problems };
}

function isNamed(key: PublicKey, material: SignedMaterial): boolean {
  return material.hints.includes(key.hint) || material.hints.includes(key.fingerprint);
}

function checkByCertificate(material: SignedMaterial, der: Buffer): SignatureCheck {
  const described = keyOfCertificate(der);
  if (!described)
    return {
      key: failed('MALFORMED_ENVELOPE', 'the signing certificate cannot be read'),
      signature: notApplicable('there is no key to verify with'),
    };
  if ('code' in described)
    return { key: failed(described.code, described.detail), signature: notApplicable('the key cannot be used') };
  if (!isSignedBy(described, material.signed, material.signature))
    return {
      key: passed('the key is the one in the certificate'),
      signature: failed('BAD_SIGNATURE', 'the key in the certificate did not make this signature'),
    };
  return {
    key: passed(`${described.algorithm} key of the certificate`),
    signature: verifies(described),
    signer: { by: 'certificate', key: described },
  };
}

function keyOfCertificate(der: Buffer): ReturnType<typeof describeKey> | undefined {
  try {
    return describeKey(new X509Certificate(der).publicKey);
  } catch {
    return undefined;
  }
}

function explainFailure(
  material: SignedMaterial,
  tried: number,
  named: PublicKey | undefined,
  problems: KeySet['problems'],
  trust: TrustMaterial,
): SignatureCheck {
  const unused = notApplicable('there is no key to verify with');
  if (named)
    return { key: trusted(named), signature: failed('BAD_SIGNATURE', 'the named key did not make this signature') };
  if (tried === 0 && problems[0]) return { key: failed(problems[0].code, problems[0].detail), signature: unused };
  if (tried === 0 && trust.containersPolicy !== undefined)
    return { key: failed('NO_APPLICABLE_POLICY', 'the policy names no sigstore key here'), signature: unused };
  if (tried === 0) return { key: failed('UNKNOWN_KEY', 'no cosign key is trusted'), signature: unused };
  const who = material.hints[0] ?? 'that made this signature';
  return { key: failed('UNKNOWN_KEY', `the key ${who} is not among the ${tried} trusted keys`), signature: unused };
}
