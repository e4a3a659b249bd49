import { Column, Entity } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** Which family a service signs for, under Pulp's class names. */
export type SigningServiceClass =
  'container:ManifestSigningService' | 'container:CosignSigningService' | 'container:NotationSigningService';

/** A registered signer, proved by a test signature when it was added; immutable after that. No private key is stored here. */
@Entity('signing_service')
export class SigningServiceEntity extends ResourceEntity {
  @Column({ type: 'text', unique: true, collation: 'C' })
  name: string;

  @Column({ type: 'text' })
  class: SigningServiceClass;

  /** Armored OpenPGP key, PEM public key, or PEM certificates. */
  @Column({ name: 'public_key', type: 'text' })
  publicKey: string;

  @Column({ name: 'pubkey_fingerprint', type: 'text' })
  pubkeyFingerprint: string;

  /** Absolute path of the script; `builtin` for a signer inside the worker. */
  @Column({ type: 'text' })
  script: string;

  /** Built-in signers: absolute paths of the private key, its passphrase and certificates, and the shape of the result. */
  @Column({ type: 'jsonb', nullable: true })
  builtin: { privateKeyFile: string; passphraseFile?: string; certificatesFile?: string } | null;

  /** Form of the results: cosign `tag` or `bundle`, notation `jws` or `cose`; found out when the service was proved. */
  @Column({ type: 'text', nullable: true })
  shape: 'tag' | 'bundle' | 'jws' | 'cose' | null;

  /** Variables that the script gets besides the fixed ones, such as GNUPGHOME. */
  @Column({ type: 'jsonb', default: {} })
  environment: Record<string, string>;
}
