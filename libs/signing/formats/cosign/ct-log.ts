import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createHash, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { type Issued, issue, type Wanted } from '../notation/certificate-fixture.js';

/** The extension that carries what CT logs promised (RFC 6962, section 3.3). */
const PROMISES = '1.3.6.1.4.1.11129.2.4.2';

/** A promise for a certificate as it was without promises: its issuer's key and its own contents. */
export type Promising = (issuer: Issued, certificate: Issued) => Buffer;

/** A CT log inside this process. */
export function openCtLog(kind: 'P-256' | 'P-384' | 'RSA' = 'P-256') {
  const { publicKey, privateKey } = generate(kind);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const id = createHash('sha256').update(spki).digest();
  const keyDetails = {
    'P-256': 'PKIX_ECDSA_P256_SHA_256',
    'P-384': 'PKIX_ECDSA_P384_SHA_384',
    RSA: 'PKIX_RSA_PKCS1V15_2048_SHA256',
  }[kind];
  return {
    instance: {
      baseUrl: 'https://ct.example.com',
      hashAlgorithm: 'SHA2_256',
      publicKey: { rawBytes: spki.toString('base64'), keyDetails, validFor: { start: '2020-01-01T00:00:00Z' } },
      logId: { keyId: id.toString('base64') },
    },
    /** What the log promises at a time. */
    promise:
      (time = new Date('2026-01-01T00:00:00Z')): Promising =>
      (issuer, certificate) => {
        const head = Buffer.concat([Buffer.of(0), id, numberOf(time.getTime(), 8), numberOf(0, 2)]);
        const signed = Buffer.concat([
          Buffer.of(0, 0),
          numberOf(time.getTime(), 8),
          numberOf(1, 2),
          createHash('sha256')
            .update(createPublicKey(issuer.privateKey).export({ type: 'spki', format: 'der' }))
            .digest(),
          sized(contentsOf(certificate), 3),
          numberOf(0, 2),
        ]);
        const signature = sign('sha256', signed, privateKey);
        return Buffer.concat([head, Buffer.of(4, kind === 'RSA' ? 1 : 3), sized(signature, 2)]);
      },
  };
}

/** A certificate with the promises of CT logs in it. */
export async function issuePromised(
  issuer: Issued,
  promises: readonly Promising[],
  wanted: Wanted = {},
): Promise<Issued> {
  const plain = await issue({ ...wanted, issuer });
  const list = sized(Buffer.concat(promises.map((promise) => sized(promise(issuer, plain), 2))), 2);
  const octets = new Uint8Array(Buffer.concat([derHead(4, list.length), list]));
  const extension = new x509.Extension(PROMISES, false, octets);
  return issue({ ...wanted, issuer, again: plain, more: [...(wanted.more ?? []), extension] });
}

function generate(kind: 'P-256' | 'P-384' | 'RSA'): { publicKey: KeyObject; privateKey: KeyObject } {
  return kind === 'RSA'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: kind });
}

/** What is signed of a certificate: the first value in it. */
function contentsOf({ certificate }: Issued): Buffer {
  const der = Buffer.from(certificate.rawData);
  const start = headLength(der);
  const body = der.subarray(start);
  return body.subarray(0, headLength(body) + lengthAt(body));
}

const headLength = (der: Buffer) => (der[1]! < 0x80 ? 2 : 2 + (der[1]! & 0x7f));
const lengthAt = (der: Buffer) => (der[1]! < 0x80 ? der[1]! : der.readUIntBE(2, der[1]! & 0x7f));
const derHead = (tag: number, length: number) =>
  length < 0x80
    ? Buffer.of(tag, length)
    : length < 0x100
      ? Buffer.of(tag, 0x81, length)
      : Buffer.of(tag, 0x82, length >> 8, length & 0xff);

function numberOf(value: number, bytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex');
}

const sized = (bytes: Buffer, width: number) => Buffer.concat([numberOf(bytes.length, width), bytes]);
