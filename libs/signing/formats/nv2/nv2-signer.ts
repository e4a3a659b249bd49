import { createPrivateKey, type KeyObject, sign as signCallback } from 'node:crypto';
import { promisify } from 'node:util';
import { invalid, messageOf } from '#platform/domain-error.js';
import type { BuiltinKeySource, BuiltinSigner } from '../signature-format.js';
import { certificatesOf } from '../x509/certificate.js';
import type { Nv2Algorithm } from './compact-jws.js';
import { writeClaims } from './nv2-claims.js';

const signAsync = promisify(signCallback);

/** Opens a PEM private key and its certificate chain as a signer of compact JWS. */
export async function openNv2Signer(source: BuiltinKeySource): Promise<BuiltinSigner> {
  const key = openKey(source);
  const algorithm = algorithmOf(key);
  const chain = certificatesOf([source.certificates ?? '']);
  const leaf = chain[0];
  if (!leaf) throw invalid('a certificate is needed: give the PEM chain, leaf first', 'certificates');
  if (!leaf.isOf(key)) throw invalid('the first certificate does not belong to the private key', 'certificates');
  const header = encode(
    JSON.stringify({ typ: 'x509', alg: algorithm, x5c: chain.map((each) => Buffer.from(each.der).toString('base64')) }),
  );
  return {
    publicKey: chain.map(({ pem }) => pem).join(''),
    fingerprint: leaf.fingerprint,
    sign: async ({ mediaType, digest, size }, reference, now) => {
      const claims = { mediaType, digest, size, references: [reference], issuedAt: Math.floor(now.getTime() / 1000) };
      const signed = `${header}.${encode(writeClaims(claims))}`;
      const signature = await signAsync('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
      return Buffer.from(`${signed}.${signature.toString('base64url')}`);
    },
  };
}

function openKey({ privateKey, passphrase }: BuiltinKeySource): KeyObject {
  try {
    return createPrivateKey({ key: privateKey, ...(passphrase !== undefined && { passphrase }) });
  } catch (error) {
    throw invalid(`the private key cannot be opened: ${messageOf(error)}`, 'private_key');
  }
}

function algorithmOf(key: KeyObject): Nv2Algorithm {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048) return 'RS256';
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'ES256';
  throw invalid('nv2 needs an RSA key of at least 2048 bits or a P-256 key', 'private_key');
}

function encode(data: string | Uint8Array): string {
  return Buffer.from(data as Uint8Array).toString('base64url');
}
