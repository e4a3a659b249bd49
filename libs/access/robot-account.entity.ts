import { Column, Entity, Index, JoinColumn, ManyToOne, type Relation } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';
import type { RobotScope } from './robot-scope.js';
import { UserAccount } from './user.entity.js';

/** A named, expiring, revocable credential for machines, limited to repositories and actions. */
@Entity('robot_account')
export class RobotAccount extends ResourceEntity {
  /** Without the `robot$` that it signs in with. */
  @Column({ type: 'varchar', length: 100, unique: true })
  name: string;

  /** SHA-256 of the secret in hex: the secret is 256 random bits, so a slow hash would add nothing. */
  @Column({ name: 'secret_hash', type: 'text' })
  secretHash: string;

  @Column({ name: 'owner_id', type: 'integer' })
  @Index('robot_account_owner')
  ownerId: number;

  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true })
  expiresAt: Date | null;

  @Column({ name: 'revoked_at', type: 'timestamptz', nullable: true })
  revokedAt: Date | null;

  /** Written in batches: up to a minute late. */
  @Column({ name: 'last_used', type: 'timestamptz', nullable: true })
  lastUsed: Date | null;

  @Column({ type: 'jsonb' })
  scopes: RobotScope[];

  @ManyToOne(() => UserAccount, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'owner_id' })
  owner: Relation<UserAccount>;
}
