import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Small blobs live in their rows, as manifests do, and before in those of their uploads. They are not compressed: most are already, or are too small to gain. */
export class BlobBytes1795310000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table "blob" add "bytes" bytea`);
    await runner.query(`alter table "blob" alter "bytes" set storage external`);
    await runner.query(`alter table "blob" set (toast_tuple_target = 256)`);
    await runner.query(`alter table "upload" add "bytes" bytea`);
    await runner.query(`alter table "upload" alter "bytes" set storage external`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table "upload" drop column "bytes"`);
    await runner.query(`alter table "blob" reset (toast_tuple_target)`);
    await runner.query(`alter table "blob" drop column "bytes"`);
  }
}
