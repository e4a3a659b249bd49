import { ArtifactEntity } from './artifacts/artifact.entity.js';
import { ChunkedUploadEntity, UploadChunkEntity } from './artifacts/chunked-upload.entity.js';
import { DistributionEntity } from './distributions/distribution.entity.js';
import { NamespaceEntity } from './distributions/namespace.entity.js';
import { ContentGuardEntity } from './guards/content-guard.entity.js';
import { ContentTallyEntity } from './types/content-tally.entity.js';
import { BlobEntity } from './types/blob.entity.js';
import { ManifestBlobEntity, ManifestChildEntity, ManifestEntity } from './types/manifest.entity.js';
import { RelationEntity } from './types/relation.entity.js';
import { SignatureCarrierEntity, SignatureEntity } from './types/signature.entity.js';
import { TagEntity } from './types/tag.entity.js';
import { UploadEntity } from './uploads/upload.entity.js';
import { MembershipEntity } from './versions/membership.entity.js';
import { RepositoryEntity } from './versions/repository.entity.js';
import { StagedEntity } from './versions/staged.entity.js';
import { RepositoryVersionEntity } from './versions/version.entity.js';

/** Tables of this lib. */
export const contentEntities = [
  BlobEntity,
  ManifestEntity,
  ManifestChildEntity,
  ManifestBlobEntity,
  TagEntity,
  SignatureEntity,
  ContentTallyEntity,
  SignatureCarrierEntity,
  RelationEntity,
  RepositoryEntity,
  RepositoryVersionEntity,
  MembershipEntity,
  StagedEntity,
  NamespaceEntity,
  DistributionEntity,
  UploadEntity,
  ArtifactEntity,
  ChunkedUploadEntity,
  UploadChunkEntity,
  ContentGuardEntity,
];
