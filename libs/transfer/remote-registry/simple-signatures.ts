import { type Digest, hexOf } from '#oci/digest.js';
import { jsonIn } from './registry-reader.js';
import type { RemoteRegistry } from './remote-registry.js';
import { badAnswer, isGone, overLimit } from './upstream-error.js';

const LIST_LIMIT = 4 * 1024 * 1024;
const SIGNATURE_LIMIT = 4 * 1024 * 1024;
/** A lookaside with as many signatures of one image is broken. */
const MOST_SIGNATURES = 128;

/** Simple signatures of a manifest by the extension API; none when the upstream does not know the manifest. */
export async function fromExtension(registry: RemoteRegistry, manifest: Digest): Promise<Buffer[]> {
  const url = registry.url(`/extensions/v2/${registry.upstream.name}/signatures/${manifest}`);
  try {
    return await registry.read(url, LIST_LIMIT, (bytes) => atomicSignatures(bytes, url));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function atomicSignatures(bytes: Buffer, url: URL): Buffer[] {
  const document = jsonIn(bytes, url, 'the list of signatures');
  const entries = (document as { signatures?: unknown } | null)?.signatures ?? [];
  if (!Array.isArray(entries)) throw badAnswer(url, 'the list of signatures is no list');
  const atomic = (entries as Record<string, unknown>[]).filter(
    (entry) => entry?.['schemaVersion'] === 2 && entry['type'] === 'atomic' && typeof entry['content'] === 'string',
  );
  return atomic.map((entry) => Buffer.from(entry['content'] as string, 'base64'));
}

/** Simple signatures of a manifest in a lookaside: signature-1, signature-2 and so on until one is missing. */
export async function fromLookaside(registry: RemoteRegistry, base: string, manifest: Digest): Promise<Buffer[]> {
  const name = registry.upstream.name.replace(/^library\//, '');
  const folder = `${base.replace(/\/+$/, '')}/${name}@${manifest.split(':', 1)[0]}=${hexOf(manifest)}`;
  const found: Buffer[] = [];
  for (let number = 1; ; number += 1) {
    const url = new URL(`${folder}/signature-${number}`);
    if (number > MOST_SIGNATURES)
      throw overLimit(url, `there are more than ${MOST_SIGNATURES} signatures of one image`);
    try {
      found.push(await registry.read(url, SIGNATURE_LIMIT, (bytes) => bytes, false));
    } catch (error) {
      if (isGone(error)) return found;
      throw error;
    }
  }
}
