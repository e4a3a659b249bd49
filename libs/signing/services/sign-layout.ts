import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { algorithmOf, digestOf, hexOf, isDigest } from '#oci/digest.js';
import { parseManifest } from '#oci/manifest.js';
import { MediaType } from '#oci/media-types.js';
import { invalid, messageOf } from '#platform/domain-error.js';
import type { StoredManifest } from '../formats/signature-format.js';
import { readLimited } from './script-answer.js';

/** The tag of the manifest in a layout that a script signs. */
export const SIGN_TAG = 'sign';

/** Writes an OCI image layout that holds just one manifest, tagged {@link SIGN_TAG}; returns its folder. */
export async function writeSignLayout(folder: string, manifest: StoredManifest): Promise<string> {
  const blobs = join(folder, 'blobs', algorithmOf(manifest.digest));
  await mkdir(blobs, { recursive: true, mode: 0o700 });
  const entry = {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.size,
    annotations: { 'org.opencontainers.image.ref.name': SIGN_TAG },
  };
  await writeFile(join(blobs, hexOf(manifest.digest)), manifest.bytes);
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [entry] }),
  );
  return folder;
}

/** The one signature that a script added to the layout: the layer of the new manifest whose subject is ours. */
export async function readSignedLayout(folder: string, manifest: StoredManifest): Promise<Uint8Array> {
  try {
    const index = JSON.parse((await readLimited(join(folder, 'index.json'))).toString('utf8')) as {
      manifests: { digest: string }[];
    };
    for (const { digest } of index.manifests) {
      if (digest === manifest.digest || !isDigest(digest)) continue;
      const bytes = await readBlob(folder, digest);
      const parsed = parseManifest(bytes, MediaType.ociManifest);
      const [layer] = parsed.layers;
      if (parsed.subjects[0]?.digest === manifest.digest && layer) return await readBlob(folder, layer.digest);
    }
  } catch (error) {
    throw invalid(
      `The layout that the script answered with cannot be read: ${messageOf(error)}`,
      'script',
      'SCRIPT_OUTPUT',
    );
  }
  throw invalid('The script added no signature of the manifest to the layout.', 'script', 'SCRIPT_OUTPUT');
}

async function readBlob(folder: string, digest: string): Promise<Uint8Array> {
  const bytes = await readLimited(join(folder, 'blobs', algorithmOf(digest), hexOf(digest)));
  if (digestOf(bytes, algorithmOf(digest)) !== digest) throw new Error(`the blob ${digest} has other bytes`);
  return bytes;
}
