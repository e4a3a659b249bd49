import { Column, Entity } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** What content must prove before a distribution serves it, or before a sync takes it. */
@Entity('trust_policy')
export class TrustPolicyEntity extends ResourceEntity {
  @Column({ type: 'text', unique: true, collation: 'C' })
  name: string;

  /** Trust material in the form of the `verify/` call. */
  @Column({ type: 'jsonb' })
  trust: Record<string, unknown>;

  /** `enforce` refuses to serve, `audit` only records. */
  @Column({ type: 'text', default: 'enforce' })
  mode: 'enforce' | 'audit';

  /** How many signatures by different keys must be verified. */
  @Column({ type: 'int', default: 1 })
  required: number;

  @Column({ name: 'pulp_labels', type: 'jsonb', default: {} })
  pulpLabels: Record<string, string>;
}
