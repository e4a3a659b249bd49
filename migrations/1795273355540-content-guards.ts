import type { MigrationInterface, QueryRunner } from 'typeorm';

const DEFAULT_GUARD_ID = '01900000-0000-7000-8000-000000000001';

/** Distributions that name no guard have the default one, and a guard in use stays. */
export class ContentGuards1795273355540 implements MigrationInterface {
  name = 'ContentGuards1795273355540';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE "content_guard" DROP COLUMN "secret"`);
    await queryRunner.query(`
            ALTER TABLE "distribution"
            ADD CONSTRAINT "FK_9d463164120781426cb1b0910b8" FOREIGN KEY ("content_guard_id") REFERENCES "content_guard"("id") ON DELETE NO ACTION ON UPDATE NO ACTION
        `);
    // Whoever gave the name of the default guard to one of his own keeps his guard under another.
    await queryRunner.query(
      `UPDATE "content_guard" SET "name" = "name" || ' ' || "id" WHERE "name" = 'content redirect'`,
    );
    await queryRunner.query(
      `INSERT INTO "content_guard" ("id", "type", "name") VALUES ('${DEFAULT_GUARD_ID}', 'content_redirect', 'content redirect')`,
    );
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DELETE FROM "content_guard" WHERE "id" = '${DEFAULT_GUARD_ID}'`);
    await queryRunner.query(`ALTER TABLE "distribution" DROP CONSTRAINT "FK_9d463164120781426cb1b0910b8"`);
    await queryRunner.query(`ALTER TABLE "content_guard" ADD "secret" bytea`);
  }
}
