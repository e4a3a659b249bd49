import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The first schema. */
export class Initial1795268000087 implements MigrationInterface {
  name = 'Initial1795268000087';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "access_policy" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "viewset_name" character varying(128) NOT NULL,
                "statements" jsonb NOT NULL DEFAULT '[]',
                "creation_hooks" jsonb,
                "queryset_scoping" jsonb,
                "customized" boolean NOT NULL DEFAULT false,
                CONSTRAINT "UQ_0e834af8c0a8c6c4bef7acd4f11" UNIQUE ("viewset_name"),
                CONSTRAINT "PK_d2cb96774eb7651c6a3bdc64633" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "user_account" (
                "id" SERIAL NOT NULL,
                "username" character varying(150) NOT NULL,
                "password_hash" text,
                "first_name" character varying(150) NOT NULL DEFAULT '',
                "last_name" character varying(150) NOT NULL DEFAULT '',
                "email" character varying(254) NOT NULL DEFAULT '',
                "is_staff" boolean NOT NULL DEFAULT false,
                "is_superuser" boolean NOT NULL DEFAULT false,
                "is_active" boolean NOT NULL DEFAULT true,
                "date_joined" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "last_login" TIMESTAMP WITH TIME ZONE,
                "token_generation" integer NOT NULL DEFAULT '0',
                CONSTRAINT "UQ_3c4d4fae641bf9048ad324ee0d9" UNIQUE ("username"),
                CONSTRAINT "PK_6acfec7285fdf9f463462de3e9f" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "access_group" (
                "id" SERIAL NOT NULL,
                "name" character varying(150) NOT NULL,
                CONSTRAINT "UQ_3d05c6ff00e8b5ba22a7c1d19be" UNIQUE ("name"),
                CONSTRAINT "PK_6a36f88265e6c07bd59939df05c" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "access_group_member" (
                "group_id" integer NOT NULL,
                "user_id" integer NOT NULL,
                CONSTRAINT "PK_7ccd1d8b426d9d1d9e633474b34" PRIMARY KEY ("group_id", "user_id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "access_group_member_user" ON "access_group_member" ("user_id")
        `);
    await queryRunner.query(`
            CREATE TABLE "robot_account" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "name" character varying(100) NOT NULL,
                "secret_hash" text NOT NULL,
                "owner_id" integer NOT NULL,
                "expires_at" TIMESTAMP WITH TIME ZONE,
                "revoked_at" TIMESTAMP WITH TIME ZONE,
                "last_used" TIMESTAMP WITH TIME ZONE,
                "scopes" jsonb NOT NULL,
                CONSTRAINT "UQ_3e729bcaae843857f89f4883e5a" UNIQUE ("name"),
                CONSTRAINT "PK_c9c6adea1b1f1ff50c70765683a" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "robot_account_owner" ON "robot_account" ("owner_id")
        `);
    await queryRunner.query(`
            CREATE TABLE "role" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "name" character varying(128) NOT NULL,
                "description" text,
                "permissions" text array NOT NULL DEFAULT '{}',
                "locked" boolean NOT NULL DEFAULT false,
                CONSTRAINT "UQ_ae4578dcaed5adff96595e61660" UNIQUE ("name"),
                CONSTRAINT "PK_b36bcfe02fc8de3c57a8b2391c2" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "role_assignment" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "role_id" uuid NOT NULL,
                "user_id" integer,
                "group_id" integer,
                "content_object" text,
                "domain" text,
                CONSTRAINT "role_assignment_holder" CHECK ((user_id is null) <> (group_id is null)),
                CONSTRAINT "PK_7e79671a8a5db18936173148cb4" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "role_assignment_role" ON "role_assignment" ("role_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "role_assignment_object" ON "role_assignment" ("content_object")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "role_assignment_group_model" ON "role_assignment" ("group_id", "role_id")
            WHERE group_id is not null
                and content_object is null
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "role_assignment_group_object" ON "role_assignment" ("group_id", "role_id", "content_object")
            WHERE group_id is not null
                and content_object is not null
        `);
    await queryRunner.query(`
            CREATE INDEX "role_assignment_group" ON "role_assignment" ("group_id")
            WHERE group_id is not null
        `);
    await queryRunner.query(`
            CREATE INDEX "role_assignment_user_loaded" ON "role_assignment" ("user_id")
            WHERE user_id is not null
                and (
                    content_object is null
                    or content_object not like 'core.task:%'
                )
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "role_assignment_user_model" ON "role_assignment" ("user_id", "role_id")
            WHERE user_id is not null
                and content_object is null
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "role_assignment_user_object" ON "role_assignment" ("user_id", "role_id", "content_object")
            WHERE user_id is not null
                and content_object is not null
        `);
    await queryRunner.query(`
            CREATE TABLE "session" (
                "token_hash" text NOT NULL,
                "user_id" integer NOT NULL,
                "created_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "expires_at" TIMESTAMP WITH TIME ZONE NOT NULL,
                CONSTRAINT "PK_a83507eb0338ac037780e02f2b9" PRIMARY KEY ("token_hash")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "session_user" ON "session" ("user_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "session_expires" ON "session" ("expires_at")
        `);
    await queryRunner.query(`
            CREATE TABLE "signing_key" (
                "kid" text NOT NULL,
                "jwk" jsonb NOT NULL,
                "created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "retired" TIMESTAMP WITH TIME ZONE,
                CONSTRAINT "PK_00d7e305393ab903d6eb06c11f9" PRIMARY KEY ("kid")
            )
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "signing_key_current" ON "signing_key" ("retired")
            WHERE retired is null
        `);
    await queryRunner.query(`
            CREATE TABLE "blob" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "digest" text COLLATE "C" NOT NULL,
                "size" bigint NOT NULL,
                "stored" boolean NOT NULL DEFAULT true,
                "touched_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_labels" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "UQ_4ec89292e0d3e93b4603a481bdb" UNIQUE ("digest"),
                CONSTRAINT "PK_96ba396dd89a9ad8b61180bcb96" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "blob_touched" ON "blob" ("touched_at")
        `);
    await queryRunner.query(`
            CREATE INDEX "blob_created" ON "blob" ("pulp_created", "id")
        `);
    await queryRunner.query(`
            CREATE TABLE "artifact" (
                "blob_id" uuid NOT NULL,
                "sha224" text NOT NULL,
                "sha384" text NOT NULL,
                "sha512" text NOT NULL,
                CONSTRAINT "PK_d533022c641b4050968bed257ab" PRIMARY KEY ("blob_id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "chunked_upload" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "size" bigint NOT NULL,
                "completed" TIMESTAMP WITH TIME ZONE,
                CONSTRAINT "PK_dbb42b0c78f573fdeba89b03dc8" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "upload_chunk" (
                "upload_id" uuid NOT NULL,
                "first_byte" bigint NOT NULL,
                "size" bigint NOT NULL,
                "digest" text NOT NULL,
                CONSTRAINT "PK_f755ce49792a5e955a237de48e3" PRIMARY KEY ("upload_id", "first_byte")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "distribution" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "type" text NOT NULL DEFAULT 'container',
                "name" text COLLATE "C" NOT NULL,
                "base_path" text COLLATE "C" NOT NULL,
                "namespace_id" uuid,
                "repository_id" uuid,
                "repository_version_id" uuid,
                "content_guard_id" uuid,
                "private" boolean NOT NULL DEFAULT false,
                "hidden" boolean NOT NULL DEFAULT false,
                "description" text,
                "remote_id" uuid,
                "parent_id" uuid,
                "trust_policy_id" uuid,
                "pulp_labels" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "UQ_d73c7915e0e73d7fa7177d273d9" UNIQUE ("name"),
                CONSTRAINT "UQ_4e1b2ca7f2ac4ee0da8d9c974bc" UNIQUE ("base_path"),
                CONSTRAINT "PK_187eaf203ccf9018df51b40108c" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "distribution_namespace" ON "distribution" ("namespace_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "distribution_repository" ON "distribution" ("repository_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "distribution_version" ON "distribution" ("repository_version_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "distribution_parent" ON "distribution" ("parent_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "distribution_created" ON "distribution" ("pulp_created", "id")
        `);
    await queryRunner.query(`
            CREATE TABLE "namespace" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "name" text COLLATE "C" NOT NULL,
                "pulp_labels" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "UQ_011e61f2ca9be1b10640bc42276" UNIQUE ("name"),
                CONSTRAINT "PK_155557f16b1d166388d7308086a" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "content_guard" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "type" text NOT NULL,
                "name" text NOT NULL,
                "description" text,
                "secret" bytea,
                "header_name" text,
                "header_value" text,
                "jq_filter" text,
                "guards" jsonb NOT NULL DEFAULT '[]',
                CONSTRAINT "UQ_b1d2302bd906bf09d3eac37ab09" UNIQUE ("name"),
                CONSTRAINT "PK_3a72d5869b4d842116118aedfd8" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "manifest" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "digest" text COLLATE "C" NOT NULL,
                "media_type" text NOT NULL,
                "schema_version" integer NOT NULL DEFAULT '2',
                "artifact_type" text,
                "type" text NOT NULL,
                "config_blob_id" uuid,
                "config_media_type" text,
                "subject_digest" text COLLATE "C",
                "annotations" jsonb NOT NULL DEFAULT '{}',
                "labels" jsonb NOT NULL DEFAULT '{}',
                "architecture" text,
                "os" text,
                "compressed_image_size" bigint,
                "size" integer NOT NULL,
                "bytes" bytea NOT NULL,
                "touched_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_labels" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "UQ_b15cc847f80a3459418f438d875" UNIQUE ("digest"),
                CONSTRAINT "PK_c3196a2394e46f459c708f78bff" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "manifest_subject" ON "manifest" ("subject_digest")
            WHERE subject_digest is not null
        `);
    await queryRunner.query(`
            CREATE INDEX "manifest_touched" ON "manifest" ("touched_at")
        `);
    await queryRunner.query(`
            CREATE INDEX "manifest_created" ON "manifest" ("pulp_created", "id")
        `);
    await queryRunner.query(`
            CREATE TABLE "manifest_child" (
                "manifest_id" uuid NOT NULL,
                "position" integer NOT NULL,
                "child_id" uuid NOT NULL,
                "platform" jsonb,
                CONSTRAINT "PK_46ac94046f2d01852ce598c4943" PRIMARY KEY ("manifest_id", "position")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "manifest_child_child" ON "manifest_child" ("child_id")
        `);
    await queryRunner.query(`
            CREATE TABLE "manifest_blob" (
                "manifest_id" uuid NOT NULL,
                "position" integer NOT NULL,
                "blob_id" uuid NOT NULL,
                CONSTRAINT "PK_d67644b4e02d449b480e73a8d20" PRIMARY KEY ("manifest_id", "position")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "manifest_blob_blob" ON "manifest_blob" ("blob_id")
        `);
    await queryRunner.query(`
            CREATE TABLE "relation" (
                "subject_digest" text COLLATE "C" NOT NULL,
                "referrer_id" uuid NOT NULL,
                "source" text NOT NULL,
                "artifact_type" text,
                CONSTRAINT "PK_280e7a1f55ae73292e85914e6c8" PRIMARY KEY ("subject_digest", "referrer_id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "relation_referrer" ON "relation" ("referrer_id")
        `);
    await queryRunner.query(`
            CREATE TABLE "signature" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "format" text NOT NULL,
                "scheme" text NOT NULL,
                "kind" text NOT NULL DEFAULT 'signature',
                "manifest_digest" text COLLATE "C" NOT NULL,
                "name" text COLLATE "C" NOT NULL,
                "digest" text COLLATE "C" NOT NULL,
                "key_id" text,
                "fingerprint" text,
                "reference" text,
                "creator" text,
                "timestamp" bigint,
                "claims" jsonb NOT NULL DEFAULT '{}',
                "signing_service_id" uuid,
                "bytes" bytea NOT NULL,
                "pulp_labels" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "signature_digest" UNIQUE ("manifest_digest", "digest"),
                CONSTRAINT "PK_8e62734171afc1d7c9570be27fb" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "signature_by_digest" ON "signature" ("digest")
        `);
    await queryRunner.query(`
            CREATE INDEX "signature_key" ON "signature" ("key_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "signature_created" ON "signature" ("pulp_created", "id")
        `);
    await queryRunner.query(`
            CREATE TABLE "signature_carrier" (
                "signature_id" uuid NOT NULL,
                "carrier_id" uuid NOT NULL,
                CONSTRAINT "PK_6df40189fe9fd6bfba51d55e704" PRIMARY KEY ("signature_id", "carrier_id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "signature_carrier_manifest" ON "signature_carrier" ("carrier_id")
        `);
    await queryRunner.query(`
            CREATE TABLE "tag" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "name" text COLLATE "C" NOT NULL,
                "manifest_id" uuid NOT NULL,
                "pulp_labels" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "tag_name_manifest" UNIQUE ("name", "manifest_id"),
                CONSTRAINT "PK_8e4052373c579afc1471f526760" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "tag_manifest" ON "tag" ("manifest_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "tag_created" ON "tag" ("pulp_created", "id")
        `);
    await queryRunner.query(`
            CREATE TABLE "upload" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "repository_id" uuid NOT NULL,
                "principal" text NOT NULL,
                "offset" bigint NOT NULL DEFAULT '0',
                "algorithm" text NOT NULL DEFAULT 'sha256',
                "digest" text,
                "lease_id" uuid,
                "lease_until" TIMESTAMP WITH TIME ZONE,
                "touched_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                CONSTRAINT "PK_1fe8db121b3de4ddfa677fc51f3" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "upload_repository" ON "upload" ("repository_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "upload_touched" ON "upload" ("touched_at")
        `);
    await queryRunner.query(`
            CREATE INDEX "upload_open" ON "upload" ("principal")
            WHERE digest is null
        `);
    await queryRunner.query(`
            CREATE TABLE "membership" (
                "id" bigint GENERATED BY DEFAULT AS IDENTITY NOT NULL,
                "repository_id" uuid NOT NULL,
                "unit_id" uuid NOT NULL,
                "kind" text NOT NULL,
                "tag_name" text COLLATE "C",
                "added_in" integer NOT NULL,
                "removed_in" integer,
                CONSTRAINT "PK_83c1afebef3059472e7c37e8de8" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "membership_unit" ON "membership" ("unit_id", "repository_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "membership_removed" ON "membership" ("repository_id", "removed_in")
            WHERE removed_in is not null
        `);
    await queryRunner.query(`
            CREATE INDEX "membership_kind" ON "membership" (
                "repository_id",
                "kind",
                "unit_id",
                "added_in",
                "removed_in"
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "membership_added" ON "membership" ("repository_id", "kind", "added_in", "unit_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "membership_tag" ON "membership" ("repository_id", "tag_name", "added_in")
            WHERE tag_name is not null
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "membership_tag_now" ON "membership" ("repository_id", "tag_name")
            WHERE removed_in is null
                and tag_name is not null
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "membership_now" ON "membership" ("repository_id", "unit_id")
            WHERE removed_in is null
        `);
    await queryRunner.query(`
            CREATE TABLE "repository" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "type" text NOT NULL,
                "name" text COLLATE "C" NOT NULL,
                "description" text,
                "pulp_labels" jsonb NOT NULL DEFAULT '{}',
                "retain_repo_versions" integer,
                "retain_checkpoints" integer,
                "remote_id" uuid,
                "signing_service_id" uuid,
                "head" integer NOT NULL DEFAULT '0',
                "last_number" integer NOT NULL DEFAULT '0',
                "revision" bigint NOT NULL DEFAULT '0',
                CONSTRAINT "UQ_0fea2214892463f750f4f49b8bb" UNIQUE ("name"),
                CONSTRAINT "PK_b842c26651c6fc0b9ccd1c530e2" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "repository_created" ON "repository" ("pulp_created", "id")
        `);
    await queryRunner.query(`
            CREATE TABLE "staged" (
                "repository_id" uuid NOT NULL,
                "unit_id" uuid NOT NULL,
                "kind" text NOT NULL,
                "since" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                CONSTRAINT "PK_2e8bedb84a9c48478b9bf5a5905" PRIMARY KEY ("repository_id", "unit_id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "staged_unit" ON "staged" ("unit_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "staged_since" ON "staged" ("since")
        `);
    await queryRunner.query(`
            CREATE TABLE "repository_version" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "repository_id" uuid NOT NULL,
                "number" integer NOT NULL,
                "base_version_id" uuid,
                "task_id" uuid,
                "added" jsonb NOT NULL DEFAULT '{}',
                "removed" jsonb NOT NULL DEFAULT '{}',
                "present" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "repository_version_number" UNIQUE ("repository_id", "number"),
                CONSTRAINT "PK_356b66277be1b49fb617ad14944" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "signing_service" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "name" text COLLATE "C" NOT NULL,
                "class" text NOT NULL,
                "public_key" text NOT NULL,
                "pubkey_fingerprint" text NOT NULL,
                "script" text NOT NULL,
                "builtin" jsonb,
                "shape" text,
                "environment" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "UQ_2612c35441fb382eddb5e41daa3" UNIQUE ("name"),
                CONSTRAINT "PK_adf875567f92944d663a1f7bc09" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "trust_policy" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "name" text COLLATE "C" NOT NULL,
                "trust" jsonb NOT NULL,
                "mode" text NOT NULL DEFAULT 'enforce',
                "required" integer NOT NULL DEFAULT '1',
                "pulp_labels" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "UQ_7c923f244ca792b9e23d1232e6d" UNIQUE ("name"),
                CONSTRAINT "PK_f3e2339e1ca74c67b430408c495" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "app_status" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "name" text NOT NULL,
                "app_type" text NOT NULL,
                "versions" jsonb NOT NULL DEFAULT '{}',
                "last_heartbeat" TIMESTAMP WITH TIME ZONE NOT NULL,
                "current_task" uuid,
                "hostname" text NOT NULL,
                "pid" integer NOT NULL,
                CONSTRAINT "UQ_cb75fa187e8b69dfeeeb83ad9fa" UNIQUE ("name"),
                CONSTRAINT "PK_0c2381457cdd4aa4e55e3ff293d" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_31615f5d0483b3a3d891a0ca1e" ON "app_status" ("last_heartbeat")
        `);
    await queryRunner.query(`
            CREATE TABLE "task_group" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "description" text NOT NULL DEFAULT '',
                "all_tasks_dispatched" boolean NOT NULL DEFAULT false,
                CONSTRAINT "PK_465a127df1ace09f377dd2eef6f" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "task_resource" (
                "task_id" uuid NOT NULL,
                "resource" text NOT NULL,
                "exclusive" boolean NOT NULL,
                "position" bigint NOT NULL,
                CONSTRAINT "PK_42ace926920353aba5064e793ab" PRIMARY KEY ("task_id", "resource")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_3905085835e7eeb4cfad6bc34b" ON "task_resource" ("resource", "position")
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_9305876d9f1737911e38ce04ed" ON "task_resource" ("resource", "exclusive", "position")
        `);
    await queryRunner.query(`
            CREATE TABLE "task_schedule" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "name" text NOT NULL,
                "task_name" text NOT NULL,
                "dispatch_interval" double precision NOT NULL,
                "next_dispatch" TIMESTAMP WITH TIME ZONE NOT NULL,
                "last_task_id" uuid,
                "leased_by" text,
                "leased_until" TIMESTAMP WITH TIME ZONE,
                CONSTRAINT "UQ_c17a3b7f60019b006f7f1a2f39f" UNIQUE ("name"),
                CONSTRAINT "PK_40274c58f591caa9e361c8c049a" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "task" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "position" BIGSERIAL NOT NULL,
                "name" text NOT NULL,
                "state" text NOT NULL DEFAULT 'waiting',
                "logging_cid" text NOT NULL,
                "created_by" text,
                "parent_task_id" uuid,
                "task_group_id" uuid,
                "payload" jsonb,
                "result" jsonb,
                "error" jsonb,
                "progress_reports" jsonb NOT NULL DEFAULT '[]',
                "created_resources" text array NOT NULL DEFAULT '{}',
                "reserved_resources_record" text array NOT NULL DEFAULT '{}',
                "immediate" boolean NOT NULL DEFAULT false,
                "restartable" boolean NOT NULL DEFAULT true,
                "attempts" integer NOT NULL DEFAULT '0',
                "worker" text,
                "claim" uuid,
                "enqueued_at" TIMESTAMP WITH TIME ZONE,
                "unblocked_at" TIMESTAMP WITH TIME ZONE,
                "started_at" TIMESTAMP WITH TIME ZONE,
                "finished_at" TIMESTAMP WITH TIME ZONE,
                CONSTRAINT "PK_fb213f79ee45060ba925ecd576e" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "IDX_0d71e5cf1f1a457823af92c3f2" ON "task" ("position")
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_20f1f21d6853d9d20d501636eb" ON "task" ("name")
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_19ad3c9b193fb10d734e15f709" ON "task" ("logging_cid")
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_01c122fbf6a1e855a2622957f5" ON "task" ("parent_task_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_4b385132f064544cdfee4a2e42" ON "task" ("task_group_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_2557d556e4fc65c59366b0bced" ON "task" ("worker")
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_a9b788b2638da9d46412a32cae" ON "task" ("finished_at")
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_270c830f10e213ac556781edaa" ON "task" ("state", "position")
        `);
    await queryRunner.query(`
            CREATE TABLE "exporter" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "type" text NOT NULL,
                "name" text NOT NULL,
                "path" text NOT NULL,
                "method" text NOT NULL DEFAULT 'write',
                "repositories" jsonb NOT NULL DEFAULT '[]',
                "last_export_id" uuid,
                CONSTRAINT "UQ_252130fd4be04740f6cbcba58a2" UNIQUE ("name"),
                CONSTRAINT "PK_736728ac37b2492c9b161b0df0d" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "export" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "exporter_id" uuid NOT NULL,
                "task_id" uuid,
                "exported_resources" jsonb NOT NULL DEFAULT '[]',
                "params" jsonb NOT NULL DEFAULT '{}',
                "output_file_info" jsonb,
                "toc_info" jsonb,
                CONSTRAINT "PK_93dd4c52436ed0da6263e24b3c7" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "export_exporter" ON "export" ("exporter_id")
        `);
    await queryRunner.query(`
            CREATE TABLE "importer" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "name" text NOT NULL,
                "repo_mapping" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "UQ_0528307c3e53ff701781c06be3a" UNIQUE ("name"),
                CONSTRAINT "PK_0acd84aec3504b8747e143e58dc" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "import" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "importer_id" uuid NOT NULL,
                "task_id" uuid,
                "params" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "PK_4ed733f5bcc70cec27187bd90eb" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "import_importer" ON "import" ("importer_id")
        `);
    await queryRunner.query(`
            CREATE TABLE "upstream_pulp" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "name" text NOT NULL,
                "base_url" text NOT NULL,
                "api_root" text NOT NULL,
                "domain" text,
                "ca_cert" text,
                "client_cert" text,
                "client_key" text,
                "tls_validation" boolean NOT NULL DEFAULT true,
                "username" text,
                "password" text,
                "download_concurrency" integer,
                "max_retries" integer,
                "total_timeout" double precision,
                "connect_timeout" double precision,
                "sock_connect_timeout" double precision,
                "sock_read_timeout" double precision,
                "remote_policy" text NOT NULL DEFAULT 'immediate',
                "q_select" text,
                "policy" text NOT NULL DEFAULT 'all',
                "last_replication" TIMESTAMP WITH TIME ZONE,
                CONSTRAINT "UQ_2430d5c64c2d5c03481f9aeaccc" UNIQUE ("name"),
                CONSTRAINT "PK_99541f968a6bf9946cc3d7b6dbe" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "remote" (
                "id" uuid NOT NULL,
                "pulp_created" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "pulp_last_updated" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
                "type" text NOT NULL DEFAULT 'container',
                "name" text COLLATE "C" NOT NULL,
                "url" text NOT NULL,
                "upstream_name" text,
                "policy" text NOT NULL DEFAULT 'immediate',
                "includes" jsonb,
                "excludes" jsonb,
                "sigstore" text,
                "ca_cert" text,
                "client_cert" text,
                "client_key" text,
                "tls_validation" boolean NOT NULL DEFAULT true,
                "proxy_url" text,
                "proxy_username" text,
                "proxy_password" text,
                "username" text,
                "password" text,
                "max_retries" integer,
                "total_timeout" double precision,
                "connect_timeout" double precision,
                "sock_connect_timeout" double precision,
                "sock_read_timeout" double precision,
                "headers" jsonb,
                "download_concurrency" integer,
                "rate_limit" integer,
                "pulp_labels" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "UQ_eba23c34010efd0f49e08e81d2b" UNIQUE ("name"),
                CONSTRAINT "PK_34d4a3daff6e593169dd1ed39c7" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "remote_created" ON "remote" ("pulp_created", "id")
        `);
    await queryRunner.query(`
            CREATE TABLE "remote_blob" (
                "blob_id" uuid NOT NULL,
                "remote_id" uuid NOT NULL,
                "upstream_name" text NOT NULL,
                CONSTRAINT "PK_ddc7023c3f865df1116524d7331" PRIMARY KEY ("blob_id", "remote_id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "remote_blob_remote" ON "remote_blob" ("remote_id")
        `);
    await queryRunner.query(`
            ALTER TABLE "access_group_member"
            ADD CONSTRAINT "FK_273728075c4d80b20259777b900" FOREIGN KEY ("group_id") REFERENCES "access_group"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "access_group_member"
            ADD CONSTRAINT "FK_e0bf0375e1e3bd56929b87e28b8" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "robot_account"
            ADD CONSTRAINT "FK_3d1c47d1b725f297207619327bc" FOREIGN KEY ("owner_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "role_assignment"
            ADD CONSTRAINT "FK_61151d3aa808da4657687bf73d0" FOREIGN KEY ("role_id") REFERENCES "role"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "role_assignment"
            ADD CONSTRAINT "FK_0308896e1a10f74ce104f6cc93f" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "role_assignment"
            ADD CONSTRAINT "FK_52578b3e3c3ab72f0bd2cb1cd8e" FOREIGN KEY ("group_id") REFERENCES "access_group"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "session"
            ADD CONSTRAINT "FK_30e98e8746699fb9af235410aff" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "artifact"
            ADD CONSTRAINT "FK_d533022c641b4050968bed257ab" FOREIGN KEY ("blob_id") REFERENCES "blob"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "upload_chunk"
            ADD CONSTRAINT "FK_2074017e9321580adc0f4ea96f9" FOREIGN KEY ("upload_id") REFERENCES "chunked_upload"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "remote_blob"
            ADD CONSTRAINT "FK_46ab43bf3401a5c2ea9890361f6" FOREIGN KEY ("blob_id") REFERENCES "blob"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "remote_blob"
            ADD CONSTRAINT "FK_b6acffb80c98b34b2ab701834ab" FOREIGN KEY ("remote_id") REFERENCES "remote"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "remote_blob" DROP CONSTRAINT "FK_b6acffb80c98b34b2ab701834ab"
        `);
    await queryRunner.query(`
            ALTER TABLE "remote_blob" DROP CONSTRAINT "FK_46ab43bf3401a5c2ea9890361f6"
        `);
    await queryRunner.query(`
            ALTER TABLE "upload_chunk" DROP CONSTRAINT "FK_2074017e9321580adc0f4ea96f9"
        `);
    await queryRunner.query(`
            ALTER TABLE "artifact" DROP CONSTRAINT "FK_d533022c641b4050968bed257ab"
        `);
    await queryRunner.query(`
            ALTER TABLE "session" DROP CONSTRAINT "FK_30e98e8746699fb9af235410aff"
        `);
    await queryRunner.query(`
            ALTER TABLE "role_assignment" DROP CONSTRAINT "FK_52578b3e3c3ab72f0bd2cb1cd8e"
        `);
    await queryRunner.query(`
            ALTER TABLE "role_assignment" DROP CONSTRAINT "FK_0308896e1a10f74ce104f6cc93f"
        `);
    await queryRunner.query(`
            ALTER TABLE "role_assignment" DROP CONSTRAINT "FK_61151d3aa808da4657687bf73d0"
        `);
    await queryRunner.query(`
            ALTER TABLE "robot_account" DROP CONSTRAINT "FK_3d1c47d1b725f297207619327bc"
        `);
    await queryRunner.query(`
            ALTER TABLE "access_group_member" DROP CONSTRAINT "FK_e0bf0375e1e3bd56929b87e28b8"
        `);
    await queryRunner.query(`
            ALTER TABLE "access_group_member" DROP CONSTRAINT "FK_273728075c4d80b20259777b900"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."remote_blob_remote"
        `);
    await queryRunner.query(`
            DROP TABLE "remote_blob"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."remote_created"
        `);
    await queryRunner.query(`
            DROP TABLE "remote"
        `);
    await queryRunner.query(`
            DROP TABLE "upstream_pulp"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."import_importer"
        `);
    await queryRunner.query(`
            DROP TABLE "import"
        `);
    await queryRunner.query(`
            DROP TABLE "importer"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."export_exporter"
        `);
    await queryRunner.query(`
            DROP TABLE "export"
        `);
    await queryRunner.query(`
            DROP TABLE "exporter"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_270c830f10e213ac556781edaa"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_a9b788b2638da9d46412a32cae"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_2557d556e4fc65c59366b0bced"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_4b385132f064544cdfee4a2e42"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_01c122fbf6a1e855a2622957f5"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_19ad3c9b193fb10d734e15f709"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_20f1f21d6853d9d20d501636eb"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_0d71e5cf1f1a457823af92c3f2"
        `);
    await queryRunner.query(`
            DROP TABLE "task"
        `);
    await queryRunner.query(`
            DROP TABLE "task_schedule"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_9305876d9f1737911e38ce04ed"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_3905085835e7eeb4cfad6bc34b"
        `);
    await queryRunner.query(`
            DROP TABLE "task_resource"
        `);
    await queryRunner.query(`
            DROP TABLE "task_group"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_31615f5d0483b3a3d891a0ca1e"
        `);
    await queryRunner.query(`
            DROP TABLE "app_status"
        `);
    await queryRunner.query(`
            DROP TABLE "trust_policy"
        `);
    await queryRunner.query(`
            DROP TABLE "signing_service"
        `);
    await queryRunner.query(`
            DROP TABLE "repository_version"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."staged_since"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."staged_unit"
        `);
    await queryRunner.query(`
            DROP TABLE "staged"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."repository_created"
        `);
    await queryRunner.query(`
            DROP TABLE "repository"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."membership_now"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."membership_tag_now"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."membership_tag"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."membership_added"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."membership_kind"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."membership_removed"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."membership_unit"
        `);
    await queryRunner.query(`
            DROP TABLE "membership"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."upload_open"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."upload_touched"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."upload_repository"
        `);
    await queryRunner.query(`
            DROP TABLE "upload"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."tag_created"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."tag_manifest"
        `);
    await queryRunner.query(`
            DROP TABLE "tag"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."signature_carrier_manifest"
        `);
    await queryRunner.query(`
            DROP TABLE "signature_carrier"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."signature_created"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."signature_key"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."signature_by_digest"
        `);
    await queryRunner.query(`
            DROP TABLE "signature"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."relation_referrer"
        `);
    await queryRunner.query(`
            DROP TABLE "relation"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."manifest_blob_blob"
        `);
    await queryRunner.query(`
            DROP TABLE "manifest_blob"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."manifest_child_child"
        `);
    await queryRunner.query(`
            DROP TABLE "manifest_child"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."manifest_created"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."manifest_touched"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."manifest_subject"
        `);
    await queryRunner.query(`
            DROP TABLE "manifest"
        `);
    await queryRunner.query(`
            DROP TABLE "content_guard"
        `);
    await queryRunner.query(`
            DROP TABLE "namespace"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."distribution_created"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."distribution_parent"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."distribution_version"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."distribution_repository"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."distribution_namespace"
        `);
    await queryRunner.query(`
            DROP TABLE "distribution"
        `);
    await queryRunner.query(`
            DROP TABLE "upload_chunk"
        `);
    await queryRunner.query(`
            DROP TABLE "chunked_upload"
        `);
    await queryRunner.query(`
            DROP TABLE "artifact"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."blob_created"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."blob_touched"
        `);
    await queryRunner.query(`
            DROP TABLE "blob"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."signing_key_current"
        `);
    await queryRunner.query(`
            DROP TABLE "signing_key"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."session_expires"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."session_user"
        `);
    await queryRunner.query(`
            DROP TABLE "session"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."role_assignment_user_object"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."role_assignment_user_model"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."role_assignment_user_loaded"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."role_assignment_group"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."role_assignment_group_object"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."role_assignment_group_model"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."role_assignment_object"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."role_assignment_role"
        `);
    await queryRunner.query(`
            DROP TABLE "role_assignment"
        `);
    await queryRunner.query(`
            DROP TABLE "role"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."robot_account_owner"
        `);
    await queryRunner.query(`
            DROP TABLE "robot_account"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."access_group_member_user"
        `);
    await queryRunner.query(`
            DROP TABLE "access_group_member"
        `);
    await queryRunner.query(`
            DROP TABLE "access_group"
        `);
    await queryRunner.query(`
            DROP TABLE "user_account"
        `);
    await queryRunner.query(`
            DROP TABLE "access_policy"
        `);
  }
}
