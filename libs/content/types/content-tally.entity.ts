import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import type { UnitKind } from '../versions/version.entity.js';

/**
 * By how many units of a kind there came to be more, or fewer: what there is in all is the sum. Triggers on the tables of
 * units write it, in the transaction that adds, deletes or labels; nobody waits for anybody, as for one shared number they
 * would.
 */
@Entity('content_tally')
export class ContentTallyEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'BY DEFAULT' })
  id: number;

  @Column({ type: 'text' })
  kind: UnitKind;

  @Column({ type: 'bigint' })
  change: number;

  /** How many writes it sums up. All together only ever grow, whatever order the writes are committed in. */
  @Column({ type: 'bigint', default: 1 })
  writes: number;
}

/**
 * SQL for `count`, how many units of a kind, or of every kind, there are in all, and for `state`: who reads the same state
 * again knows that units of no kind came, went or were labelled in between.
 */
export const contentTally = (kind?: UnitKind): string =>
  `select coalesce(sum(change)${kind ? ` filter (where kind = '${kind}')` : ''}, 0)::int as count,
          coalesce(sum(writes), 0)::bigint as state from content_tally`;
