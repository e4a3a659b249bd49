import { Column, Entity, Index, Unique } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** A signature of a manifest, in the form of its family. What it says is a claim until it is verified. */
@Entity('signature')
@Unique('signature_digest', ['manifestDigest', 'digest'])
@Index('signature_created', ['pulpCreated', 'id'])
export class SignatureEntity extends ResourceEntity {
  /** `simple`, `cosign`, `notation` or `nv2`. */
  @Column({ type: 'text' })
  format: string;

  /** Storage scheme: `atomic`, `cosign:tag`, `cosign:bundle`, `notation:jws` … */
  @Column({ type: 'text' })
  scheme: string;

  /** `signature`, `attestation` or `sbom`. */
  @Column({ type: 'text', default: 'signature' })
  kind: string;

  /** The signed manifest, which may not be here. */
  @Column({ name: 'manifest_digest', type: 'text', collation: 'C' })
  manifestDigest: string;

  /** `<manifest digest>@<first 32 hex of the digest>`. */
  @Column({ type: 'text', collation: 'C' })
  name: string;

  /** sha256 of `bytes`. */
  @Index('signature_by_digest')
  @Column({ type: 'text', collation: 'C' })
  digest: string;

  @Index('signature_key')
  @Column({ name: 'key_id', type: 'text', nullable: true })
  keyId: string | null;

  @Column({ type: 'text', nullable: true })
  fingerprint: string | null;

  /** Docker reference that the signature names, when its family has one. */
  @Column({ type: 'text', nullable: true })
  reference: string | null;

  @Column({ type: 'text', nullable: true })
  creator: string | null;

  /** Claimed time in seconds since the epoch. */
  @Column({ type: 'bigint', nullable: true })
  timestamp: number | null;

  @Column({ type: 'jsonb', default: {} })
  claims: Record<string, unknown>;

  @Column({ name: 'signing_service_id', type: 'uuid', nullable: true })
  signingServiceId: string | null;

  @Column({ type: 'bytea', select: false })
  bytes: Buffer;

  @Column({ name: 'pulp_labels', type: 'jsonb', default: {} })
  pulpLabels: Record<string, string>;
}

/** An artifact manifest carries a signature: it must be served for the family's clients to find it. */
@Entity('signature_carrier')
export class SignatureCarrierEntity {
  @Column({ name: 'signature_id', type: 'uuid', primary: true })
  signatureId: string;

  @Index('signature_carrier_manifest')
  @Column({ name: 'carrier_id', type: 'uuid', primary: true })
  carrierId: string;
}
