import { CreateDateColumn, PrimaryColumn, UpdateDateColumn } from 'typeorm';

/** What every resource of the REST API has: a UUIDv7 made by us, and when it was made and last changed. */
export abstract class ResourceEntity {
  @PrimaryColumn('uuid')
  id: string;

  @CreateDateColumn({ name: 'pulp_created', type: 'timestamptz' })
  pulpCreated: Date;

  @UpdateDateColumn({ name: 'pulp_last_updated', type: 'timestamptz' })
  pulpLastUpdated: Date;
}
