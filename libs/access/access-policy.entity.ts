import { Column, Entity } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** Who may do what on one kind of resource, as the REST API shows and edits it. */
@Entity('access_policy')
export class AccessPolicy extends ResourceEntity {
  @Column({ name: 'viewset_name', type: 'varchar', length: 128, unique: true })
  viewsetName: string;

  @Column({ type: 'jsonb', default: () => `'[]'` })
  statements: PolicyStatement[];

  @Column({ name: 'creation_hooks', type: 'jsonb', nullable: true })
  creationHooks: PolicyFunction[] | null;

  @Column({ name: 'queryset_scoping', type: 'jsonb', nullable: true })
  querysetScoping: PolicyFunction | null;

  /** True once somebody edited it: starts leave it alone. */
  @Column({ type: 'boolean', default: false })
  customized: boolean;
}

/** One line of a policy. */
export interface PolicyStatement {
  readonly action: string | readonly string[];
  readonly principal: string | readonly string[];
  readonly effect: 'allow' | 'deny';
  readonly condition?: string | readonly string[];
  readonly condition_expression?: string | readonly string[];
}

/** A named function with its parameters. */
export interface PolicyFunction {
  readonly function: string;
  readonly parameters?: Readonly<Record<string, unknown>> | null;
}
