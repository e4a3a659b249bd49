/** Media types that the registry reads by name; every other type is carried as it is. */
export const MediaType = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociArtifactManifest: 'application/vnd.oci.artifact.manifest.v1+json',
  orasArtifactManifest: 'application/vnd.cncf.oras.artifact.manifest.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerForeignLayer: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  cosignSimpleSigning: 'application/vnd.dev.cosign.simplesigning.v1+json',
  sigstoreBundlePrefix: 'application/vnd.dev.sigstore.bundle',
  sigstoreBundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  dsseEnvelope: 'application/vnd.dsse.envelope.v1+json',
  inToto: 'application/vnd.in-toto+json',
  notationSignature: 'application/vnd.cncf.notary.signature',
  notationPayload: 'application/vnd.cncf.notary.payload.v1+json',
  jose: 'application/jose+json',
  cose: 'application/cose',
  nv2ArtifactType: 'application/vnd.cncf.notary.v2',
  nv2Config: 'application/vnd.cncf.notary.config.v2+jwt',
  helmConfig: 'application/vnd.cncf.helm.config.v1+json',
  octetStream: 'application/octet-stream',
} as const;

/** Types of manifests that name other manifests. */
export const INDEX_TYPES: ReadonlySet<string> = new Set([MediaType.ociIndex, MediaType.dockerList]);

/** Types that may be stored under `/manifests/`. Schema 1 is not among them. */
export const MANIFEST_TYPES: ReadonlySet<string> = new Set([
  MediaType.ociManifest,
  MediaType.ociIndex,
  MediaType.dockerManifest,
  MediaType.dockerList,
  MediaType.ociArtifactManifest,
  MediaType.orasArtifactManifest,
]);

/** Images as they were before 2016: named wherever they are refused. */
export const SCHEMA1_TYPES: ReadonlySet<string> = new Set([MediaType.dockerSchema1, MediaType.dockerSchema1Signed]);

/** True for layers that clients never push: their bytes live at `urls`. */
export function isForeignLayer(mediaType: string, urls?: readonly string[]): boolean {
  return (
    mediaType.startsWith('application/vnd.oci.image.layer.nondistributable.') ||
    mediaType === MediaType.dockerForeignLayer ||
    (urls !== undefined && urls.length > 0)
  );
}
