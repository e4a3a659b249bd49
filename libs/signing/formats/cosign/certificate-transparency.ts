import { EXTENSION_OID_SCT, X509Certificate, X509SCTExtension } from '@sigstore/core';
import { createHash } from 'node:crypto';
import type { Certificate } from '../x509/certificate.js';
import type { TransparencyLog } from './transparency-log.js';

const MIN_RSA_BITS = 2048;
const [RSA, ECDSA] = [1, 3];

/**
 * True when a trusted CT log promised the certificate (RFC 6962, section 3.2: over the certificate without the promises, with
 * its issuer). As for the clients, promises of logs that are unknown or were not trusted then do not count, nor against it;
 * throws a plain `Error` when the list of promises cannot be read.
 */
export function isInTransparencyLog(leaf: Certificate, issuer: Certificate, logs: readonly TransparencyLog[]): boolean {
  const certificate = X509Certificate.parse(Buffer.from(leaf.der)).clone();
  const place = certificate.extensions.findIndex((each) => each.subs[0]?.toOID() === EXTENSION_OID_SCT);
  if (place < 0) return false;
  const [extension] = certificate.extensions.splice(place, 1);
  const promises = new X509SCTExtension(extension!).signedCertificateTimestamps;
  const signed = preCertificateOf(certificate.tbsCertificate.toDER(), issuer);
  return promises.some((promise) =>
    logs.some(
      ({ id, key, validFor: { start, end } }) =>
        promise.version === 0 &&
        id.equals(promise.logID) &&
        promise.datetime >= start &&
        promise.datetime <= end &&
        promise.signatureAlgorithm === algorithmOf(key) &&
        promise.verify(signed, key),
    ),
  );
}

function preCertificateOf(tbs: Buffer, { der }: Certificate): Buffer {
  const issuer = createHash('sha256')
    .update(X509Certificate.parse(Buffer.from(der)).publicKey)
    .digest();
  const length = Buffer.alloc(3);
  length.writeUIntBE(tbs.length, 0, 3);
  return Buffer.concat([issuer, length, tbs]);
}

/** What a promise by the key says of itself (RFC 5246, section 7.4.1.4.1); only the keys of RFC 6962, section 2.1.4 make any. */
function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: TransparencyLog['key']) {
  if (type === 'rsa') return (details?.modulusLength ?? 0) >= MIN_RSA_BITS ? RSA : undefined;
  return type === 'ec' && details?.namedCurve === 'prime256v1' ? ECDSA : undefined;
}
