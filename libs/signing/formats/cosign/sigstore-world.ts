import { initializeCA, initializeCTLog, initializeTLog, initializeTSA } from '@sigstore/mock';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { MediaType } from '#oci/media-types.js';
import { sampleManifest } from '../format-suite.js';
import { envelope, REFERENCE, statement } from './fixtures.js';
import { preAuthEncoding } from './dsse.js';
import { encodeLayerDocument, LayerAnnotation } from './layer-document.js';
import { toPem } from '../x509/pem.js';
import { encodeSimplePayload } from './simple-payload.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
const base64 = (bytes: ArrayBufferView<ArrayBuffer> | Uint8Array | string) =>
  (typeof bytes === 'string'
    ? Buffer.from(bytes)
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  ).toString('base64');
const ecPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spkiOf = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });

/** An answer of Rekor; the mock declares no type for it. */
interface LoggedEntry {
  readonly body: string;
  readonly integratedTime: number;
  readonly logIndex: number;
  readonly logID: string;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: { readonly rootHash: string; readonly checkpoint: string };
  };
}

/** What a keyless signature may carry or leave out. */
export interface Evidence {
  readonly log?: boolean;
  readonly stamp?: boolean;
}

/** The log entry as an annotation of a layer. */
function promiseOf({ body, integratedTime, logIndex, logID, verification }: LoggedEntry): string {
  const Payload = { body, integratedTime, logIndex, logID };
  return JSON.stringify({ SignedEntryTimestamp: verification.signedEntryTimestamp, Payload });
}

/** A certificate authority, a CT log, a Rekor and a timestamp authority inside this process. */
export async function openSigstore(clock: Date) {
  const [ctKey, rekorKey] = [ecPair(), ecPair()];
  const ctlog = await initializeCTLog(ctKey, clock);
  const ca = await initializeCA(generateKeyPairSync('ec', { namedCurve: 'P-384' }), ctlog, clock);
  const tlog = await initializeTLog('https://rekor.example.com', rekorKey, clock);
  const tsa = await initializeTSA(generateKeyPairSync('ec', { namedCurve: 'P-384' }), clock);
  const logEntry = async (kind: string, spec: object): Promise<LoggedEntry> =>
    Object.values((await tlog.log({ apiVersion: '0.0.1', kind, spec })) as Record<string, LoggedEntry>)[0]!;
  const logOf = (key: KeyObject) => ({
    baseUrl: 'https://rekor.example.com',
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: base64(spkiOf(key)),
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      validFor: { start: '2020-01-01T00:00:00Z' },
    },
    logId: { keyId: base64(sha256(spkiOf(key))) },
  });
  const authority = (...certificates: ArrayBufferView<ArrayBuffer>[]) => ({
    certChain: { certificates: certificates.map((der) => ({ rawBytes: base64(der) })) },
    validFor: { start: '2020-01-01T00:00:00Z' },
  });
  const stampOver = async (signature: Uint8Array) =>
    base64(
      await tsa.timestamp({
        artifactHash: sha256(signature),
        hashAlgorithmOID: '2.16.840.1.101.3.4.2.1',
        nonce: 1,
        policyOID: '1.2.3',
        certReq: true,
      }),
    );
  return {
    rootPem: toPem('CERTIFICATE', Buffer.from(base64(ca.rootCertificate), 'base64')),
    tsaPem: toPem('CERTIFICATE', Buffer.from(base64(tsa.rootCertificate), 'base64')),
    rekorPem: rekorKey.publicKey.export({ type: 'spki', format: 'pem' }) as string,
    trustedRoot: {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      certificateAuthorities: [authority(ca.rootCertificate)],
      timestampAuthorities: [authority(tsa.intCertificate, tsa.rootCertificate)],
      ctlogs: [logOf(ctKey.publicKey)],
      tlogs: [logOf(rekorKey.publicKey)],
    },
    stampOver,
    /** A new key with a certificate for the identity. */
    async identify(subject: string, issuer: string) {
      const pair = ecPair();
      const der = await ca.issueCertificate({
        publicKey: Uint8Array.from(spkiOf(pair.publicKey)),
        subjectAltName: subject,
        extensions: [{ oid: '1.3.6.1.4.1.57264.1.8', value: issuer }],
      });
      const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      return { privateKey: pem, certificate: Buffer.from(base64(der), 'base64') };
    },
    /** A tag-scheme signature; `logged` replaces the key or certificate in the log entry. */
    async layer(
      who: { privateKey: string; certificate?: Buffer },
      { log = true, stamp = false }: Evidence = {},
      logged = who.certificate ? toPem('CERTIFICATE', who.certificate) : '',
    ) {
      const payload = encodeSimplePayload(sampleManifest().digest, REFERENCE, clock);
      const signature = sign('sha256', payload, who.privateKey);
      const annotations: Record<string, string> = { [LayerAnnotation.signature]: signature.toString('base64') };
      if (who.certificate) annotations[LayerAnnotation.certificate] = toPem('CERTIFICATE', who.certificate);
      if (log) {
        const spec = {
          data: { hash: { algorithm: 'sha256', value: sha256(payload).toString('hex') } },
          signature: { content: signature.toString('base64'), publicKey: { content: base64(logged) } },
        };
        annotations[LayerAnnotation.bundle] = promiseOf(await logEntry('hashedrekord', spec));
      }
      if (stamp)
        annotations[LayerAnnotation.timestamp] = JSON.stringify({ SignedRFC3161Timestamp: await stampOver(signature) });
      return encodeLayerDocument({ mimeType: MediaType.cosignSimpleSigning, payload, annotations });
    },
    /** What `cosign attest` of version 2 puts under an `.att` tag; `logged` replaces the envelope in the log entry. */
    async attestation(who: { privateKey: string; certificate: Buffer }, logged?: Uint8Array) {
      const payload = Buffer.from(JSON.stringify(envelope(statement(), who.privateKey)));
      const value = sha256(logged ?? payload).toString('hex');
      const pem = toPem('CERTIFICATE', who.certificate);
      const spec = { content: { hash: { algorithm: 'sha256', value } }, publicKey: base64(pem) };
      const annotations = {
        [LayerAnnotation.signature]: '',
        [LayerAnnotation.certificate]: pem,
        [LayerAnnotation.bundle]: promiseOf(await logEntry('intoto', spec)),
      };
      return encodeLayerDocument({ mimeType: MediaType.dsseEnvelope, payload, annotations });
    },
    /** A bundle with a certificate. */
    async bundle(who: { privateKey: string; certificate: Buffer }, { log = true, stamp = false }: Evidence = {}) {
      const dsseEnvelope = envelope(statement(), who.privateKey);
      const signature = Buffer.from(dsseEnvelope.signatures[0]!.sig, 'base64');
      const spec = {
        envelopeHash: { algorithm: 'sha256', value: sha256(Buffer.from(JSON.stringify(dsseEnvelope))).toString('hex') },
        payloadHash: { algorithm: 'sha256', value: sha256(statement()).toString('hex') },
        signatures: [
          { signature: signature.toString('base64'), verifier: base64(toPem('CERTIFICATE', who.certificate)) },
        ],
      };
      const { logIndex, logID, integratedTime, body, verification } = await logEntry('dsse', spec);
      const proof = verification.inclusionProof;
      const tlogEntry = {
        logIndex: String(logIndex),
        logId: { keyId: Buffer.from(logID, 'hex').toString('base64') },
        kindVersion: { kind: 'dsse', version: '0.0.1' },
        integratedTime: String(integratedTime),
        inclusionPromise: { signedEntryTimestamp: verification.signedEntryTimestamp },
        inclusionProof: {
          logIndex: '0',
          treeSize: '1',
          rootHash: Buffer.from(proof.rootHash, 'hex').toString('base64'),
          hashes: [],
          checkpoint: { envelope: proof.checkpoint },
        },
        canonicalizedBody: body,
      };
      const stamps = { rfc3161Timestamps: [{ signedTimestamp: stamp ? await stampOver(signature) : '' }] };
      return Buffer.from(
        JSON.stringify({
          mediaType: MediaType.sigstoreBundle,
          verificationMaterial: {
            certificate: { rawBytes: who.certificate.toString('base64') },
            ...(log ? { tlogEntries: [tlogEntry] } : {}),
            ...(stamp ? { timestampVerificationData: stamps } : {}),
          },
          dsseEnvelope,
        }),
      );
    },
    pae: () => preAuthEncoding(MediaType.inToto, statement()),
  };
}
