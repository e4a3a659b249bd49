import { createDataSource } from '#platform/database.js';
import { entities } from './entities.js';
import { migrations } from './migrations.js';

/** The data source of TypeORM's own command line, for `migration:generate` and its check. */
export default createDataSource({ url: process.env['DATABASE_URL'] ?? '', entities, migrations });
