import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  describe_,
  type Made,
  made,
  makeImage,
  OCI_INDEX,
  pushBlob,
  pushImage,
  putManifest,
  type Written,
} from './content.js';
import { guard, keyPair, sign } from './guarded.js';
import { type RegistryProcess, someBytes, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
const key = keyPair();
const trust = { cosign_keys: [key.publicKey] };

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const statusOf = async (name: string, { digest }: Written, method = 'GET', path = 'v2') =>
  (await registry.request(method, `/${path}/${name}/blobs/${digest}`)).status;

const blobsOf = (image: Made): Written[] => {
  const { config, layers } = JSON.parse(image.bytes.toString()) as { config: Written; layers: Written[] };
  return [config, ...layers];
};

describe('the blobs behind a trust policy', () => {
  it('C13 are refused when only refused manifests name them, whole, in parts and below the path of Pulp', async () => {
    const name = 'blobs/refused';
    const bare = await pushImage(registry, name, 'bare');
    await guard(registry, name, trust);
    for (const blob of blobsOf(bare)) {
      const answer = await registry.request('GET', `/v2/${name}/blobs/${blob.digest}`);
      expect([answer.status, answer.code]).toEqual([403, 'DENIED']);
      expect(await statusOf(name, blob, 'HEAD')).toBe(403);
      expect(await statusOf(name, blob, 'GET', 'pulp/container')).toBe(403);
      const headers = { range: 'bytes=0-3', 'if-none-match': `"${blob.digest}"` };
      expect((await registry.request('GET', `/v2/${name}/blobs/${blob.digest}`, { headers })).status).toBe(403);
    }
  });

  it('pass when a trusted image, a part of a trusted index or an attachment names them, also among many others', async () => {
    const name = 'blobs/shared';
    const layer = await pushBlob(registry, name, someBytes(64));
    const signed = await pushImage(registry, name, 'v1', { layers: [layer] });
    const part = await makeImage(registry, name, { annotations: { part: 'yes' } });
    await putManifest(registry, name, part.digest, part);
    const index = made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [describe_(part)] });
    await putManifest(registry, name, 'index', index);
    for (const image of [signed, index]) await sign(registry, name, image, key);
    const shared = [layer, ...blobsOf(part)];
    for (let count = 0; count < 25; count += 1) await pushImage(registry, name, `bare-${count}`, { layers: shared });
    await guard(registry, name, trust);
    for (const blob of [...blobsOf(signed), ...shared]) expect(await statusOf(name, blob)).toBe(200);
    const carrier = await registry.request('GET', `/v2/${name}/manifests/${signed.digest.replace(':', '-')}.sig`);
    for (const blob of blobsOf({ bytes: carrier.bytes } as Made)) expect(await statusOf(name, blob)).toBe(200);
    const loose = await pushBlob(registry, name, someBytes(64));
    expect(await statusOf(name, loose)).toBe(200);
  });

  it('C13 are not mounted into other repositories', async () => {
    const name = 'blobs/from';
    const [layer] = blobsOf(await pushImage(registry, name, 'v1')).slice(1);
    const mount = () => registry.request('POST', `/v2/blobs/to/blobs/uploads/?mount=${layer!.digest}&from=${name}`);
    await guard(registry, name, trust);
    expect((await mount()).status).toBe(202);
    expect(await statusOf('blobs/to', layer!)).toBe(404);
  });

  it('pass where a policy only audits', async () => {
    const name = 'blobs/audit';
    const bare = await pushImage(registry, name, 'v1');
    await guard(registry, name, trust, { mode: 'audit' });
    for (const blob of blobsOf(bare)) expect(await statusOf(name, blob)).toBe(200);
  });
});
