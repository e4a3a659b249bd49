import { expect } from 'vitest';
import { describe_, type Made, made, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, pushBlob, putManifest } from './content.js';
import { type RegistryProcess } from './registry-process.js';

/** A descriptor in a list of referrers. */
export interface Listed {
  readonly digest: string;
  readonly artifactType?: string;
  readonly annotations?: Record<string, string>;
}

/** Digests of listed manifests, in order. */
export const digests = (list: readonly { digest: string }[]) => list.map((each) => each.digest);

/** The tag of the referrers tag schema. */
export const tagOf = (digest: string) => digest.replace(':', '-');
/** An index as an old client writes it under that tag. */
export const index = (manifests: readonly Made[]) =>
  made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: manifests.map(describe_) });

/** Reads and writes referrers; the registry may be started later. */
export function attachments(started: () => RegistryProcess) {
  const referrers = async (name: string, digest: string, query = '') => {
    const answer = await started().request('GET', `/v2/${name}/referrers/${digest}${query}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, OCI_INDEX]);
    return { answer, manifests: answer.json<{ manifests: Listed[] }>().manifests };
  };
  let salt = 0;
  async function attach(
    name: string,
    subject: Made | { digest: string; mediaType: string; size: number },
    extra: Record<string, unknown> = {},
  ) {
    const { mediaType, digest, size } = subject;
    const empty = await pushBlob(started(), name, Buffer.from('{}'), OCI_EMPTY);
    const artifact = made({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: 'application/vnd.example',
      config: empty,
      layers: [empty],
      subject: { mediaType, digest, size },
      annotations: { salt: String((salt += 1)) },
      ...extra,
    });
    const answer = await putManifest(started(), name, artifact.digest, artifact);
    expect([answer.status, answer.headers.get('oci-subject')]).toEqual([201, digest]);
    return artifact;
  }

  const fallback = (name: string, subject: string) =>
    started().request('GET', `/v2/${name}/manifests/${tagOf(subject)}`);
  return { referrers, attach, fallback };
}
