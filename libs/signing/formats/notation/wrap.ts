import { digestOf, EMPTY_JSON_DIGEST } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import type { StoredManifest, WrappedSignature } from '../signature-format.js';
import { readSigningChain } from './certificate-chain.js';
import { readEnvelope } from './read-envelope.js';
import { rfc3339 } from './signer-report.js';

/** Annotation of a signature manifest: JSON list of the SHA-256 thumbprints of the chain. */
export const THUMBPRINT_ANNOTATION = 'io.cncf.notary.x509chain.thumbprint#S256';

/** The signature manifest of released notation: config type in place of an artifact type, one layer, the subject. */
export function wrapNotation(subject: StoredManifest, signature: Uint8Array): WrappedSignature {
  const envelope = readEnvelope(signature);
  const { certificates } = readSigningChain(envelope.certificates);
  const config = { mediaType: MediaType.notationSignature, digest: EMPTY_JSON_DIGEST, size: 2 };
  const layer = { mediaType: envelope.mediaType, digest: digestOf(signature), size: signature.length };
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      config,
      layers: [layer],
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
      annotations: {
        [THUMBPRINT_ANNOTATION]: JSON.stringify(certificates.map(({ fingerprint }) => fingerprint)),
        'org.opencontainers.image.created': rfc3339(envelope.signingTime),
      },
    }),
  );
  return {
    blobs: [
      { descriptor: config, bytes: Buffer.from('{}') },
      { descriptor: layer, bytes: signature },
    ],
    manifest: { descriptor: { mediaType: MediaType.ociManifest, digest: digestOf(bytes), size: bytes.length }, bytes },
  };
}
