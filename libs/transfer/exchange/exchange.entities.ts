import { Column, Entity, Index } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';
import { ConnectionEntity } from '../remotes/connection.entity.js';

/** Where and how repositories are written for other installations. */
@Entity('exporter')
export class ExporterEntity extends ResourceEntity {
  @Column({ type: 'text' })
  type: 'pulp' | 'filesystem';

  @Column({ type: 'text', unique: true })
  name: string;

  /** Folder under an allowed root. */
  @Column({ type: 'text' })
  path: string;

  /** Of `filesystem`: write, hardlink or symlink. */
  @Column({ type: 'text', default: 'write' })
  method: string;

  /** Ids of the repositories. */
  @Column({ type: 'jsonb', default: [] })
  repositories: string[];

  @Column({ name: 'last_export_id', type: 'uuid', nullable: true })
  lastExportId: string | null;
}

/** One run of an exporter. */
@Entity('export')
export class ExportEntity extends ResourceEntity {
  @Index('export_exporter')
  @Column({ name: 'exporter_id', type: 'uuid' })
  exporterId: string;

  @Column({ name: 'task_id', type: 'uuid', nullable: true })
  taskId: string | null;

  /** Hrefs of the versions. */
  @Column({ name: 'exported_resources', type: 'jsonb', default: [] })
  exportedResources: string[];

  @Column({ type: 'jsonb', default: {} })
  params: Record<string, unknown>;

  /** Checksums by path of what was written. */
  @Column({ name: 'output_file_info', type: 'jsonb', nullable: true })
  outputFileInfo: Record<string, string> | null;

  @Column({ name: 'toc_info', type: 'jsonb', nullable: true })
  tocInfo: Record<string, string> | null;
}

/** How the repositories of an archive are named here. */
@Entity('importer')
export class ImporterEntity extends ResourceEntity {
  @Column({ type: 'text', unique: true })
  name: string;

  /** Name there, name here. */
  @Column({ name: 'repo_mapping', type: 'jsonb', default: {} })
  repoMapping: Record<string, string>;
}

/** One run of an importer. */
@Entity('import')
export class ImportEntity extends ResourceEntity {
  @Index('import_importer')
  @Column({ name: 'importer_id', type: 'uuid' })
  importerId: string;

  @Column({ name: 'task_id', type: 'uuid', nullable: true })
  taskId: string | null;

  @Column({ type: 'jsonb', default: {} })
  params: Record<string, unknown>;
}

/** Another installation whose distributions are mirrored here. */
@Entity('upstream_pulp')
export class UpstreamPulpEntity extends ConnectionEntity {
  @Column({ type: 'text', unique: true })
  name: string;

  @Column({ name: 'base_url', type: 'text' })
  baseUrl: string;

  @Column({ name: 'api_root', type: 'text' })
  apiRoot: string;

  @Column({ type: 'text', nullable: true })
  domain: string | null;

  @Column({ name: 'remote_policy', type: 'text', default: 'immediate' })
  remotePolicy: string;

  @Column({ name: 'q_select', type: 'text', nullable: true })
  qSelect: string | null;

  /** `all`, `labeled` or `nodelete`. */
  @Column({ type: 'text', default: 'all' })
  policy: string;

  @Column({ name: 'last_replication', type: 'timestamptz', nullable: true })
  lastReplication: Date | null;
}
