import { Column } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** How another server is reached: certificates, credentials, pace and patience. Null: the default of who connects. */
export abstract class ConnectionEntity extends ResourceEntity {
  /** PEM of what servers' certificates must chain to, when it is not the system's. */
  @Column({ name: 'ca_cert', type: 'text', nullable: true })
  caCert: string | null;

  @Column({ name: 'client_cert', type: 'text', nullable: true })
  clientCert: string | null;

  @Column({ name: 'client_key', type: 'text', nullable: true })
  clientKey: string | null;

  @Column({ name: 'tls_validation', type: 'boolean', default: true })
  tlsValidation: boolean;

  @Column({ type: 'text', nullable: true })
  username: string | null;

  @Column({ type: 'text', nullable: true })
  password: string | null;

  /** Requests at once. */
  @Column({ name: 'download_concurrency', type: 'int', nullable: true })
  downloadConcurrency: number | null;

  @Column({ name: 'max_retries', type: 'int', nullable: true })
  maxRetries: number | null;

  /** Seconds, as all timeouts here. */
  @Column({ name: 'total_timeout', type: 'double precision', nullable: true })
  totalTimeout: number | null;

  @Column({ name: 'connect_timeout', type: 'double precision', nullable: true })
  connectTimeout: number | null;

  @Column({ name: 'sock_connect_timeout', type: 'double precision', nullable: true })
  sockConnectTimeout: number | null;

  @Column({ name: 'sock_read_timeout', type: 'double precision', nullable: true })
  sockReadTimeout: number | null;
}
