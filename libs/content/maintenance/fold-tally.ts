import type { DataSource } from 'typeorm';

/** Fewer rows than this are read as fast as one. */
const FEW = 200;

/** Sums up the tally of content, so that the next readers have less to add. Readers see the rows before or after, never both. */
export async function foldTally(source: DataSource): Promise<void> {
  await source.query(
    `with folded as (
       delete from content_tally where (select count(*) from content_tally) > $1 returning kind, change, writes)
     insert into content_tally (kind, change, writes) select kind, sum(change), sum(writes) from folded group by kind`,
    [FEW],
  );
}
