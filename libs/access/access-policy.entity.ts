import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who may do what on one kind of resource, as the REST API shows and edits it. */
@Entity('access_policy')
export class AccessPolicy {
  @PrimaryColumn({ type: 'uuid' })
  id: string;

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

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' })
  updatedAt: Date;
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
