import { generateKeyPairSync, sign } from 'node:crypto';
import { hexOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import type { SignatureReport } from '../../report.js';
import type { TrustMaterial } from '../../trust-material.js';
import { sampleManifest } from '../format-suite.js';
import type { VerifyContext } from '../signature-format.js';
import { preAuthEncoding } from './dsse.js';
import { SIGN_PREDICATE } from './statement.js';

/** The moment that the specs play at. */
export const NOW = new Date('2026-06-01T12:00:00Z');
/** What the fixtures were signed for. */
export const REFERENCE = 'registry.example.com/team/app:1.0';

/** Trust that holds nothing but what is given. */
export const trusting = (trust: Partial<TrustMaterial>): TrustMaterial => ({
  openpgpKeys: [],
  cosignKeys: [],
  certificates: [],
  ...trust,
});

/** A key pair as PEM texts. */
export function keyPair(type: 'P-256' | 'P-384' | 'P-521' | 'RSA' | 'Ed25519' = 'P-256') {
  const { privateKey, publicKey } = generate(type);
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
  };
}

function generate(type: 'P-256' | 'P-384' | 'P-521' | 'RSA' | 'Ed25519') {
  if (type === 'RSA') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  if (type === 'Ed25519') return generateKeyPairSync('ed25519');
  return generateKeyPairSync('ec', { namedCurve: type });
}

/** The context of a verification of the sample manifest. */
export function contextFor(trust: Partial<TrustMaterial>, change: Partial<VerifyContext> = {}): VerifyContext {
  return { manifest: sampleManifest(), reference: REFERENCE, trust: trusting(trust), now: NOW, ...change };
}

/** An in-toto statement about the sample manifest, with members replaced. */
export function statement(change: Record<string, unknown> = {}): Buffer {
  const subject = [{ digest: { sha256: hexOf(sampleManifest().digest) } }];
  const base = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType: SIGN_PREDICATE, predicate: {} };
  return Buffer.from(JSON.stringify({ ...base, ...change }));
}

/** A DSSE envelope over a payload, signed with an ECDSA key. */
export function envelope(payload: Buffer, privateKey: string, payloadType: string = MediaType.inToto) {
  const sig = sign('sha256', preAuthEncoding(payloadType, payload), privateKey).toString('base64');
  return { payload: payload.toString('base64'), payloadType, signatures: [{ sig }] };
}

/** A sigstore bundle v0.3 around an envelope. */
export function bundle(dsseEnvelope: object, material: object = { publicKey: { hint: '' } }): Buffer {
  return Buffer.from(
    JSON.stringify({ mediaType: MediaType.sigstoreBundle, verificationMaterial: material, dsseEnvelope }),
  );
}

/** The codes of enforced failures, as `check:CODE`. */
export function failuresOf(report: SignatureReport): string[] {
  return report.checks
    .filter(({ result, action }) => result === 'fail' && action === 'enforce')
    .map(({ name, code }) => `${name}:${code}`);
}
