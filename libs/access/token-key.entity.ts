import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Private key of the curve P-256 (RFC 7518). */
export interface TokenJwk {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly y: string;
  readonly d: string;
}

/** A key that signs registry tokens (ES256). One is current; retired ones verify until their last token expired. */
@Entity('signing_key')
@Index('signing_key_current', ['retired'], { unique: true, where: 'retired is null' })
export class TokenKey {
  /** Libtrust key id, as `docker` registries write it. */
  @PrimaryColumn({ type: 'text' })
  kid: string;

  /** The private key. */
  @Column({ type: 'jsonb' })
  jwk: TokenJwk;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  created: Date;

  @Column({ type: 'timestamptz', nullable: true })
  retired: Date | null;
}
