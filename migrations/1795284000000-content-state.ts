import type { MigrationInterface, QueryRunner } from 'typeorm';

const KINDS = ['blob', 'manifest', 'tag', 'signature'] as const;

/** The tally says of labels too that they changed, and how often it was written: what was read under the same sum still holds. */
export class ContentState1795284000000 implements MigrationInterface {
  name = 'ContentState1795284000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE "content_tally" ADD "writes" bigint NOT NULL DEFAULT '1'`);
    await queryRunner.query(`
      create function tally_labels() returns trigger language plpgsql as $$
      begin
        insert into content_tally (kind, change) values (tg_table_name, 0);
        return null;
      end $$`);
    for (const kind of KINDS)
      await queryRunner.query(`create trigger ${kind}_labelled after update of pulp_labels on ${kind}
        for each statement execute function tally_labels()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const kind of KINDS) await queryRunner.query(`drop trigger ${kind}_labelled on ${kind}`);
    await queryRunner.query(`drop function tally_labels`);
    await queryRunner.query(`ALTER TABLE "content_tally" DROP COLUMN "writes"`);
  }
}
