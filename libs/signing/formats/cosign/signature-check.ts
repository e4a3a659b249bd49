import { X509Certificate } from 'node:crypto';
import type { VerifyContext } from '../signature-format.js';
import type { SignedMaterial } from './signed-material.js';
import { requirementOf } from './sigstore-requirement.js';
import { sshFingerprint } from './ssh-fingerprint.js';
import { failed, notApplicable, passed, type Step } from './step.js';
import { describeKey, isSignedBy, keysIn, type KeySet, type PublicKey } from './trusted-keys.js';

/** The key that made the signature, and where it came from. */
export interface Signer {
  readonly by: 'key' | 'certificate';
  readonly key: PublicKey;
}

/** The checks `key` and `signature`, with the signer when the cryptography is right. */
export interface SignatureCheck {
  readonly key: Step;
  readonly signature: Step;
  readonly signer?: Signer;
}

type HasMade = (key: PublicKey) => boolean;

/** Finds the trusted key, else the certificate's key, that made the signature. Hints only order the search. */
export function checkSignature(material: SignedMaterial, context: VerifyContext): SignatureCheck {
  if (material.content === 'unsigned')
    return {
      key: notApplicable('nothing is signed'),
      signature: failed('NO_SIGNATURE', 'an SBOM in a companion manifest is carried without a signature'),
    };
  const requirement = requirementOf(context);
  if (requirement && material.content !== 'simple-signing') return notUnderPolicy;
  const sets = (requirement ? (requirement.keys ?? []) : context.trust.cosignKeys).map(keysIn);
  const [keys, problems] = [sets.flatMap((set) => set.keys), sets.flatMap((set) => set.problems)];
  const named = keys.filter((key) => isNamed(key, material));
  if (requirement && problems[0]) return unusable(problems[0]);
  // Podman and skopeo know one hash for each kind of key.
  const made: HasMade = ({ key, hashes }) =>
    isSignedBy({ key, hashes: requirement ? hashes.slice(0, 1) : hashes }, material.signed, material.signature);
  const found = [...named, ...keys].find(made);
  if (found) return signedBy(found, 'key', trusted(found), material);
  const [leaf] = material.certificates;
  if (leaf && !requirement?.keys) return checkByCertificate(material, leaf, made);
  return explainFailure(material, keys.length, named[0], problems);
}

/** The key made the signature; a bundle that names a key must name this one, as sigstore's clients read it. */
function signedBy(key: PublicKey, by: Signer['by'], step: Step, { keyid }: SignedMaterial): SignatureCheck {
  if (keyid !== undefined && keyid !== sshFingerprint(key.key))
    return { key: step, signature: failed('BAD_SIGNATURE', `the envelope says that the key ${keyid} made it`) };
  return { key: step, signature: verifies(key), signer: { by, key } };
}

/** Podman and skopeo look at layers under `.sig` tags and at nothing else. */
const notUnderPolicy: SignatureCheck = {
  key: failed(
    'NO_APPLICABLE_POLICY',
    'a containers policy judges signatures under .sig tags only, no bundle and no attestation',
  ),
  signature: notApplicable('the policy names no key for it'),
};

/** A client does without the whole requirement when one of its keys cannot be used. */
function unusable({ code, detail }: KeySet['problems'][number]): SignatureCheck {
  return { key: failed(code, detail), signature: notApplicable('there is no key to verify with') };
}

const trusted = (key: PublicKey) => passed(`${key.algorithm} key ${key.fingerprint} is trusted`);
const verifies = (key: PublicKey) => passed(`${key.algorithm} signature over the exact bytes`);

function isNamed(key: PublicKey, material: SignedMaterial): boolean {
  return material.hints.includes(key.hint) || material.hints.includes(key.fingerprint);
}

function checkByCertificate(material: SignedMaterial, der: Buffer, made: HasMade): SignatureCheck {
  const described = keyOfCertificate(der);
  if (!described)
    return {
      key: failed('MALFORMED_ENVELOPE', 'the signing certificate cannot be read'),
      signature: notApplicable('there is no key to verify with'),
    };
  if ('code' in described)
    return { key: failed(described.code, described.detail), signature: notApplicable('the key cannot be used') };
  if (!made(described))
    return {
      key: passed('the key is the one in the certificate'),
      signature: failed('BAD_SIGNATURE', 'the key in the certificate did not make this signature'),
    };
  return signedBy(described, 'certificate', passed(`${described.algorithm} key of the certificate`), material);
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
): SignatureCheck {
  if (named)
    return { key: trusted(named), signature: failed('BAD_SIGNATURE', 'the named key did not make this signature') };
  if (tried === 0 && problems[0]) return unusable(problems[0]);
  const who = material.hints[0] ?? 'that made this signature';
  const detail = tried === 0 ? 'no cosign key is trusted' : `the key ${who} is not among the ${tried} trusted keys`;
  return { key: failed('UNKNOWN_KEY', detail), signature: notApplicable('there is no key to verify with') };
}
