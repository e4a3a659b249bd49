/** Annotation of a descriptor in an index: the tag (OCI image-spec, "Pre-Defined Annotation Keys"). */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** Annotation with the full reference, as containerd, Docker and buildx write it. */
export const IMAGE_NAME = 'io.containerd.image.name';

/** Annotation that `cosign save` tells images and signatures apart by. */
export const COSIGN_KIND = 'kind';

/** Values of {@link COSIGN_KIND}. */
export const CosignKind = {
  image: 'dev.cosignproject.cosign/image',
  index: 'dev.cosignproject.cosign/imageIndex',
  signatures: 'dev.cosignproject.cosign/sigs',
  attestations: 'dev.cosignproject.cosign/atts',
} as const;

/** Folder of simple signatures beside the layout: a lookaside tree that podman and skopeo read from disk. */
export const LOOKASIDE = 'signatures/atomic';

/** Where the bytes of a digest lie in a layout. */
export const blobPath = (digest: string) => `blobs/${digest.replace(':', '/')}`;
