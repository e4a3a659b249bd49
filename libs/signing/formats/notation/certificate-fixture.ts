import 'reflect-metadata';
import { createPublicKey, generateKeyPairSync, KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate made for a spec, with its key. */
export interface Issued {
  readonly certificate: x509.X509Certificate;
  readonly pem: string;
  readonly privateKey: KeyObject;
  readonly privateKeyPem: string;
}

/** What a spec wants from a certificate; a self-signed one without `issuer`. */
export interface Wanted {
  readonly subject?: string;
  readonly issuer?: Issued;
  readonly key?: 'P-256' | 'P-384' | 'P-521' | 2048 | 3072 | 4096;
  /** Certificate authority; default false. */
  readonly ca?: boolean;
  /** Replaces the extensions that fit the role. */
  readonly extensions?: readonly x509.Extension[];
  readonly more?: readonly x509.Extension[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly hash?: 'SHA-1' | 'SHA-256';
  /** With the key and the serial number of this one, which it is another form of. */
  readonly again?: Issued;
}

const ROOT_SUBJECT = 'CN=Test Root, O=Acme, ST=WA, C=US';
/** Subject of leaves unless a spec wants another. */
export const LEAF_SUBJECT = 'CN=signer, O=Acme, ST=WA, C=US';
let serial = 0x1000;

/** Issues a certificate and a fresh key. */
export async function issue(wanted: Wanted = {}): Promise<Issued> {
  const { privateKey, publicKey } = wanted.again ? keysOf(wanted.again) : makeKeys(wanted.key ?? 'P-256');
  const signingKey = wanted.issuer?.privateKey ?? privateKey;
  const signing = signingAlgorithm(signingKey, wanted.hash ?? 'SHA-256');
  const subject = wanted.subject ?? (wanted.ca ? ROOT_SUBJECT : LEAF_SUBJECT);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: wanted.again?.certificate.serialNumber ?? (serial += 1).toString(16).padStart(4, '0'),
    subject,
    issuer: wanted.issuer?.certificate.subjectName ?? subject,
    notBefore: wanted.notBefore ?? new Date('2025-01-01T00:00:00Z'),
    notAfter: wanted.notAfter ?? new Date('2035-01-01T00:00:00Z'),
    signingAlgorithm: signing,
    publicKey: await toCryptoKey(publicKey, signingAlgorithm(publicKey, 'SHA-256')),
    signingKey: await toCryptoKey(signingKey, signing),
    extensions: [...(wanted.extensions ?? usual(wanted.ca ?? false)), ...(wanted.more ?? [])],
  });
  return {
    certificate,
    pem: `${certificate.toString('pem')}\n`,
    privateKey,
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** The two extensions that notation wants of a leaf or of an authority. */
function usual(ca: boolean): x509.Extension[] {
  const usages = x509.KeyUsageFlags;
  const flags = ca ? usages.keyCertSign | usages.cRLSign : usages.digitalSignature;
  return [new x509.BasicConstraintsExtension(ca, undefined, true), new x509.KeyUsagesExtension(flags, true)];
}

/** A root with a leaf under it. */
export async function issueChain(leaf: Wanted = {}): Promise<{ root: Issued; leaf: Issued; pem: string }> {
  const root = await issue({ ca: true });
  const issued = await issue({ issuer: root, ...leaf });
  return { root, leaf: issued, pem: issued.pem + root.pem };
}

/** What a spec wants from a revocation list. */
interface WantedList {
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date;
  readonly signer?: Issued;
  readonly extensions?: readonly x509.Extension[];
  /** Of every entry, in place of a compromised key. */
  readonly entry?: Partial<x509.X509CrlEntryParams>;
}

/** A revocation list in PEM. */
export async function issueCrl(issuer: Issued, revoked: readonly Issued[], wanted: WantedList = {}): Promise<string> {
  const key = (wanted.signer ?? issuer).privateKey;
  const algorithm = signingAlgorithm(key, 'SHA-256');
  const crl = await x509.X509CrlGenerator.create({
    issuer: issuer.certificate.subjectName,
    thisUpdate: wanted.thisUpdate ?? new Date('2026-01-01T00:00:00Z'),
    nextUpdate: wanted.nextUpdate ?? new Date('2030-01-01T00:00:00Z'),
    extensions: [...(wanted.extensions ?? [])],
    entries: revoked.map(({ certificate }) => ({
      serialNumber: certificate.serialNumber,
      revocationDate: new Date('2026-02-01T00:00:00Z'),
      reason: x509.X509CrlReason.keyCompromise,
      ...wanted.entry,
    })),
    signingAlgorithm: algorithm,
    signingKey: await toCryptoKey(key, algorithm),
  });
  return crl.toString('pem');
}

function keysOf({ privateKey }: Issued): { privateKey: KeyObject; publicKey: KeyObject } {
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

function makeKeys(kind: NonNullable<Wanted['key']>): { privateKey: KeyObject; publicKey: KeyObject } {
  if (typeof kind === 'number') return generateKeyPairSync('rsa', { modulusLength: kind });
  return generateKeyPairSync('ec', { namedCurve: kind });
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

function signingAlgorithm(key: KeyObject, hash: string) {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash };
  return { name: 'ECDSA', namedCurve: CURVES[key.asymmetricKeyDetails!.namedCurve!]!, hash };
}

async function toCryptoKey(
  key: KeyObject,
  algorithm: ReturnType<typeof signingAlgorithm>,
): Promise<webcrypto.CryptoKey> {
  const isPrivate = key.type === 'private';
  const format = isPrivate ? 'pkcs8' : 'spki';
  const der = key.export({ type: format, format: 'der' });
  return webcrypto.subtle.importKey(format, new Uint8Array(der), algorithm, true, [isPrivate ? 'sign' : 'verify']);
}
