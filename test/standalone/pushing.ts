import { createHash, randomBytes } from 'node:crypto';

/** What a registry has acknowledged. */
export interface Acknowledged {
  /** Digest of a manifest by its tag. */
  readonly tags: Map<string, string>;
  readonly manifests: Map<string, Buffer>;
  readonly blobs: Map<string, Buffer>;
}

/** Nothing yet. */
export const nothing = (): Acknowledged => ({ tags: new Map(), manifests: new Map(), blobs: new Map() });

const sha = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const TYPE = 'application/vnd.oci.image';

/** Pushes images of random content until it is told to stop or the registry is gone, and notes every 201. */
export async function pushUntilCut(
  base: string,
  authorization: string,
  kept: Acknowledged,
  prefix: string,
  stop: { done: boolean },
): Promise<void> {
  for (let at = 0; !stop.done; at += 1) {
    try {
      await pushImage(base, authorization, kept, `${prefix}-${at}`);
    } catch {
      // The connection was cut; what was acknowledged before is noted.
      return;
    }
  }
}

async function pushImage(base: string, authorization: string, kept: Acknowledged, tag: string): Promise<void> {
  const [config, layer] = [randomBytes(300), randomBytes(20_000 + Math.floor(Math.random() * 200_000))];
  for (const blob of [config, layer]) await pushBlob(base, authorization, kept, blob);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${TYPE}.manifest.v1+json`,
      config: { mediaType: `${TYPE}.config.v1+json`, digest: sha(config), size: config.length },
      layers: [{ mediaType: `${TYPE}.layer.v1.tar`, digest: sha(layer), size: layer.length }],
    }),
  );
  const answer = await fetch(`${base}/manifests/${tag}`, {
    method: 'PUT',
    headers: { authorization, 'content-type': `${TYPE}.manifest.v1+json` },
    body: new Uint8Array(manifest),
  });
  if (answer.status !== 201) throw new Error(`the manifest was answered with ${answer.status}`);
  kept.tags.set(tag, sha(manifest));
  kept.manifests.set(sha(manifest), manifest);
}

async function pushBlob(base: string, authorization: string, kept: Acknowledged, blob: Buffer): Promise<void> {
  const started = await fetch(`${base}/blobs/uploads/`, { method: 'POST', headers: { authorization } });
  const location = new URL(started.headers.get('location')!, base);
  location.searchParams.set('digest', sha(blob));
  const answer = await fetch(location, {
    method: 'PUT',
    headers: { authorization, 'content-type': 'application/octet-stream' },
    body: new Uint8Array(blob),
  });
  if (answer.status !== 201) throw new Error(`the blob was answered with ${answer.status}`);
  kept.blobs.set(sha(blob), blob);
}

/** Everything that was acknowledged and is not there now, byte for byte. */
export async function lostOf(base: string, authorization: string, kept: Acknowledged): Promise<string[]> {
  const lost: string[] = [];
  const same = async (path: string, bytes: Buffer | undefined) => {
    const answer = await fetch(`${base}/${path}`, { headers: { authorization } });
    const got = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 200 || !bytes?.equals(got)) lost.push(`${path}: ${answer.status}`);
  };
  for (const [tag, digest] of kept.tags) await same(`manifests/${tag}`, kept.manifests.get(digest));
  for (const [digest, bytes] of kept.manifests) await same(`manifests/${digest}`, bytes);
  for (const [digest, bytes] of kept.blobs) await same(`blobs/${digest}`, bytes);
  return lost;
}
