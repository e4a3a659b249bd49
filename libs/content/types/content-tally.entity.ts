import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import type { UnitKind } from '../versions/version.entity.js';

/**
 * By how many units of a kind there came to be more, or fewer: what there is in all is the sum. Triggers on the tables of
 * units write it, in the transaction that adds or deletes; nobody waits for anybody, as for one shared number they would.
 */
@Entity('content_tally')
export class ContentTallyEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'BY DEFAULT' })
  id: number;

  @Column({ type: 'text' })
  kind: UnitKind;

  @Column({ type: 'bigint' })
  change: number;
}

/** SQL for `count`: how many units of a kind, or of every kind, there are in all. */
export const contentCount = (kind?: UnitKind): string =>
  `select coalesce(sum(change), 0)::int as count from content_tally${kind ? ` where kind = '${kind}'` : ''}`;
