const text = { type: 'string' };
const flag = { type: 'boolean' };
const size = { type: 'integer', format: 'int64', minimum: 0, nullable: true };

const app = {
  title: 'AppStatusResponse',
  type: 'object',
  properties: {
    name: text,
    last_heartbeat: { type: 'string', format: 'date-time' },
    versions: { type: 'object', additionalProperties: text },
  },
};
const apps = { type: 'array', items: app };
const connection = (title: string) => ({
  title,
  type: 'object',
  properties: { connected: flag },
  required: ['connected'],
});

/** Schema of the status. */
export const STATUS_SCHEMA = {
  type: 'object',
  properties: {
    versions: {
      type: 'array',
      items: {
        title: 'VersionResponse',
        type: 'object',
        properties: { component: text, version: text, package: text, module: text, domain_compatible: flag },
        required: ['component', 'version', 'package', 'module', 'domain_compatible'],
      },
    },
    online_workers: apps,
    online_api_apps: apps,
    online_content_apps: apps,
    database_connection: connection('DatabaseConnectionResponse'),
    redis_connection: connection('RedisConnectionResponse'),
    storage: {
      title: 'StorageResponse',
      type: 'object',
      nullable: true,
      properties: { total: size, used: size, free: size },
      required: ['total', 'used', 'free'],
    },
    content_settings: {
      title: 'ContentSettingsResponse',
      type: 'object',
      properties: { content_origin: { ...text, nullable: true }, content_path_prefix: text },
      required: ['content_path_prefix'],
    },
    domain_enabled: flag,
  },
  required: [
    'versions',
    'online_workers',
    'online_api_apps',
    'online_content_apps',
    'database_connection',
    'content_settings',
    'domain_enabled',
  ],
};
