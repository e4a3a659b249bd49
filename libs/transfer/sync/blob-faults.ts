import type { Descriptor } from '#oci/descriptor.js';
import { isDomainError } from '#platform/domain-error.js';
import { brokenOff, overLimit, UpstreamError, wrongBytes } from '../remote-registry/upstream-error.js';

/** What the store says of bytes that it did not take, as a fault of the upstream that sent them. */
export function asUpstreamFault(error: unknown, url: URL, node: Pick<Descriptor, 'digest' | 'size'>): unknown {
  if (!isDomainError(error) || error instanceof UpstreamError) return error;
  const detail = (error.options.detail ?? {}) as { actual?: string | number; offset?: number };
  switch (error.code) {
    case 'DIGEST_INVALID':
      return wrongBytes(url, node.digest, String(detail.actual ?? 'another digest'));
    case 'SIZE_INVALID':
      return error.kind === 'too-large'
        ? overLimit(url, `more than ${node.size} bytes came, or the blob is over the limit`)
        : wrongBytes(url, `${node.size} bytes`, `${detail.actual ?? 'other'} bytes`);
    case 'BLOB_UPLOAD_INVALID':
      return brokenOff(url, detail.offset ?? 0, error.cause ?? error);
    default:
      return error;
  }
}
