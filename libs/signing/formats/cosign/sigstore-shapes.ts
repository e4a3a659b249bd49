import type { MessageShape, Shape } from './proto-json.js';

const message = (members: Readonly<Record<string, Shape>>): MessageShape => ({ members });
const each = (shape: Shape) => ({ each: shape });

const CERTIFICATE = message({ rawBytes: 'bytes' });
const CHAIN = message({ certificates: each(CERTIFICATE) });
const LOG_ID = message({ keyId: 'bytes' });
const PERIOD = message({ start: 'time', end: 'time' });
const NAME = message({ organization: 'string', commonName: 'string' });

const LOG_ENTRY = message({
  logIndex: 'int64',
  logId: LOG_ID,
  kindVersion: message({ kind: 'string', version: 'string' }),
  integratedTime: 'int64',
  inclusionPromise: message({ signedEntryTimestamp: 'bytes' }),
  inclusionProof: message({
    logIndex: 'int64',
    rootHash: 'bytes',
    treeSize: 'int64',
    hashes: each('bytes'),
    checkpoint: message({ envelope: 'string' }),
  }),
  canonicalizedBody: 'bytes',
});

/** `dev.sigstore.bundle.v1.Bundle`. */
export const BUNDLE = message({
  mediaType: 'string',
  verificationMaterial: message({
    publicKey: message({ hint: 'string' }),
    x509CertificateChain: CHAIN,
    certificate: CERTIFICATE,
    tlogEntries: each(LOG_ENTRY),
    timestampVerificationData: message({ rfc3161Timestamps: each(message({ signedTimestamp: 'bytes' })) }),
  }),
  messageSignature: message({ messageDigest: message({ algorithm: 'enum', digest: 'bytes' }), signature: 'bytes' }),
  dsseEnvelope: {
    members: { payload: 'bytes', payloadType: 'string', signatures: each(message({ sig: 'bytes', keyid: 'string' })) },
    verbatim: true,
  },
});

const LOG = message({
  baseUrl: 'string',
  hashAlgorithm: 'enum',
  publicKey: message({ rawBytes: 'bytes', keyDetails: 'enum', validFor: PERIOD }),
  logId: LOG_ID,
  checkpointKeyId: LOG_ID,
  operator: 'string',
});
const AUTHORITY = message({ subject: NAME, uri: 'string', certChain: CHAIN, validFor: PERIOD, operator: 'string' });

/** `dev.sigstore.trustroot.v1.TrustedRoot`. */
export const TRUSTED_ROOT = message({
  mediaType: 'string',
  tlogs: each(LOG),
  certificateAuthorities: each(AUTHORITY),
  ctlogs: each(LOG),
  timestampAuthorities: each(AUTHORITY),
});

/** `in_toto_attestation.v1.Statement`. */
export const STATEMENT = message({
  _type: 'string',
  subject: each(
    message({
      name: 'string',
      uri: 'string',
      digest: 'map',
      content: 'bytes',
      downloadLocation: 'string',
      mediaType: 'string',
      annotations: 'struct',
    }),
  ),
  predicateType: 'string',
  predicate: 'struct',
});
