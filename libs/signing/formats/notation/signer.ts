import { createPrivateKey, type KeyObject } from 'node:crypto';
import { encode, Tag } from 'cbor2';
import { MediaType } from '#oci/media-types.js';
import { invalid } from '#platform/domain-error.js';
import type { BuiltinKeySource, BuiltinSigner } from '../signature-format.js';
import { ALGORITHMS, algorithmOfKey, signBytes, type Algorithm } from './algorithms.js';
import { readPemCertificates, type Certificate } from '../x509/certificate.js';
import { findChainProblem, findValidityProblem } from './certificate-rules.js';
import { Label, SIGN1_TAG, sigStructure } from './cose-envelope.js';
import { EPOCH_TAG } from './cose-labels.js';
import { Header } from './envelope.js';
import { notationPayload } from './payload.js';
import { rfc3339 } from './signer-report.js';

interface OpenedKey {
  readonly key: KeyObject;
  readonly algorithm: Algorithm;
  readonly chain: readonly Certificate[];
}

/** Opens a key and its chain; throws a `DomainError` that names the input which cannot be used. */
export function openNotationSigner(source: BuiltinKeySource): BuiltinSigner {
  const { shape = 'jws' } = source;
  if (shape !== 'jws' && shape !== 'cose') throw invalid('The shape of a notation signature is jws or cose.', 'shape');
  const opened = openKey(source);
  return {
    publicKey: opened.chain.map(({ pem }) => pem).join(''),
    fingerprint: opened.chain[0]!.fingerprint,
    async sign(manifest, _reference, now) {
      const problem = findValidityProblem(opened.chain, now);
      if (problem)
        throw invalid(`The signing chain cannot be used now: ${problem.detail}.`, 'certificates', problem.code);
      const payload = notationPayload(manifest);
      return shape === 'jws' ? signJws(opened, payload, now) : signCose(opened, payload, now);
    },
  };
}

function openKey({ privateKey, passphrase, certificates }: BuiltinKeySource): OpenedKey {
  if (!certificates) throw invalid('Notation needs the certificate chain of the key, leaf first.', 'certificates');
  const chain = readPemCertificates([certificates], 'certificates');
  const problem = findChainProblem(chain, 'codeSigning');
  if (problem) throw invalid(`The certificate chain cannot be used: ${problem.detail}.`, 'certificates', problem.code);
  const key = readPrivateKey(privateKey, passphrase);
  const algorithm = algorithmOfKey(key);
  if (!algorithm) {
    throw invalid(
      'The private key must be RSA 2048, 3072, 4096 or EC P-256, P-384, P-521.',
      'privateKey',
      'UNSUPPORTED_ALGORITHM',
    );
  }
  if (!chain[0]!.isOf(key)) {
    throw invalid('The private key does not belong to the first certificate.', 'privateKey');
  }
  return { key, algorithm, chain };
}

function readPrivateKey(pem: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    throw invalid(
      'The private key cannot be read: give a PEM key and, when it is encrypted, its passphrase.',
      'privateKey',
    );
  }
}

/** JWS in flattened JSON serialisation. */
async function signJws({ key, algorithm, chain }: OpenedKey, payload: Uint8Array, now: Date): Promise<Uint8Array> {
  const header = {
    alg: algorithm,
    crit: [Header.scheme],
    cty: MediaType.notationPayload,
    [Header.scheme]: 'notary.x509',
    [Header.signingTime]: rfc3339(now),
  };
  const encodedHeader = Buffer.from(JSON.stringify(header)).toString('base64url');
  const encodedPayload = Buffer.from(payload).toString('base64url');
  const signature = await signBytes(algorithm, key, Buffer.from(`${encodedHeader}.${encodedPayload}`));
  return Buffer.from(
    JSON.stringify({
      payload: encodedPayload,
      protected: encodedHeader,
      header: { x5c: chain.map(({ der }) => Buffer.from(der).toString('base64')) },
      signature: signature.toString('base64url'),
    }),
  );
}

/** COSE_Sign1 in deterministic CBOR. */
async function signCose({ key, algorithm, chain }: OpenedKey, payload: Uint8Array, now: Date): Promise<Uint8Array> {
  const header = encodeCbor(
    new Map<number | string, unknown>([
      [Label.algorithm, ALGORITHMS[algorithm].cose],
      [Label.critical, [Header.scheme]],
      [Label.contentType, MediaType.notationPayload],
      [Header.scheme, 'notary.x509'],
      [Header.signingTime, new Tag(EPOCH_TAG, Math.floor(now.getTime() / 1000))],
    ]),
  );
  const content = Uint8Array.from(payload);
  const signature = await signBytes(algorithm, key, sigStructure(header, content));
  const unprotected = new Map([[Label.x5chain, chain.map(({ der }) => der)]]);
  return encodeCbor(new Tag(SIGN1_TAG, [header, unprotected, content, Uint8Array.from(signature)]));
}

function encodeCbor(value: unknown): Uint8Array {
  return encode(value, { cde: true });
}
