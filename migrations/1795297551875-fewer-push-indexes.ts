import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Indexes that every pushed blob was written into and nobody looked anything up by: uploads are purged by two ages at once,
 * which reads the table, and of what is staged only manifests are looked for by age.
 */
export class FewerPushIndexes1795297551875 implements MigrationInterface {
  name = 'FewerPushIndexes1795297551875';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX "public"."upload_repository"`);
    await queryRunner.query(`DROP INDEX "public"."upload_touched"`);
    await queryRunner.query(`DROP INDEX "public"."staged_since"`);
    await queryRunner.query(`CREATE INDEX "staged_manifests" ON "staged" ("since") WHERE kind = 'manifest'`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX "public"."staged_manifests"`);
    await queryRunner.query(`CREATE INDEX "staged_since" ON "staged" ("since")`);
    await queryRunner.query(`CREATE INDEX "upload_touched" ON "upload" ("touched_at")`);
    await queryRunner.query(`CREATE INDEX "upload_repository" ON "upload" ("repository_id")`);
  }
}
