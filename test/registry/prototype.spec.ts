import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attachments } from './attachments.js';
import { describe_, made, OCI_MANIFEST, pushBlob, pushImage, putManifest } from './content.js';
import { type RegistryProcess, sha, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const { referrers } = attachments(() => registry);

describe('the prototype', () => {
  const TYPE = 'application/vnd.cncf.notary.v2';
  const links = (name: string, reference: string, query = `?artifact-type=${TYPE}`) =>
    registry.request('GET', `/v2/_ext/oci-artifacts/v1/${name}/manifests/${reference}/links${query}`);

  it('is pushed, discovered and deleted as its document says', async () => {
    const name = 'busybox';
    const image = await pushImage(registry, name, 'latest');
    expect((await links(name, image.digest)).json<{ links: unknown[] }>().links).toEqual([]);
    const config = await pushBlob(registry, name, Buffer.from('a.b.c'), 'application/vnd.cncf.notary.config.v2+jwt');
    const artifact = made({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.artifact.manifest.v1+json',
      artifactType: TYPE,
      config,
      manifests: [describe_(image)],
    });
    const put = await putManifest(registry, name, artifact.digest, artifact);
    expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, artifact.digest]);
    expect((await links(name, image.digest)).json()).toMatchObject({
      digest: image.digest,
      links: [JSON.parse(artifact.bytes.toString())],
    });
    expect((await links(name, 'latest')).json()).toMatchObject({ tag: 'latest' });
    const untyped = await links(name, image.digest, '');
    expect([untyped.status, untyped.code]).toEqual([400, 'ARTIFACT_TYPE_UNSPECIFIED']);
    expect((await links(name, 'latest', '?artifact-type=other')).json<{ links: unknown[] }>().links).toEqual([]);
    const unknown = await links(name, sha('unknown'));
    expect([unknown.status, unknown.code]).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect((await referrers(name, image.digest)).manifests).toMatchObject([
      { digest: artifact.digest, artifactType: TYPE },
    ]);
    const views = [
      `/v2/_ext/oci-artifacts/v1/${name}/manifests/latest/references`,
      `/v2/_ext/oci-artifacts/v1-rc1/${name}/manifests/latest/referrers`,
      `/v2/${name}/_oras/artifacts/referrers?digest=${image.digest}`,
    ];
    for (const view of views) expect((await registry.request('GET', view)).bytes.toString()).toContain(artifact.digest);
    await registry.request('DELETE', `/v2/${name}/manifests/${image.digest}`);
    expect((await links(name, image.digest)).status).toBe(404);
  });

  it('refuses an artifact whose target is not here', async () => {
    const name = 'team/proto';
    const config = await pushBlob(registry, name, Buffer.from('a.b'), 'application/x');
    const artifact = made({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.artifact.manifest.v1+json',
      artifactType: TYPE,
      config,
      manifests: [{ mediaType: OCI_MANIFEST, digest: sha('gone'), size: 4 }],
    });
    const put = await putManifest(registry, name, artifact.digest, artifact);
    expect([put.status, put.code]).toEqual([404, 'MANIFEST_BLOB_UNKNOWN']);
  });
});
