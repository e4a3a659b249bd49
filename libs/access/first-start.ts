import type { DataSource } from 'typeorm';
import type { HallmarkConfig } from '#platform/config.js';
import { ensureAdmin } from './admin-account.js';
import { seedRoles } from './roles.js';
import { ensureTokenKey } from './token-keys.js';

/**
 * What every start does before it serves: roles of this version, the key of registry tokens and, the very first time, the
 * superuser. Returns his password when one had to be made up, to be shown once.
 */
export async function prepareAccess(
  source: DataSource,
  config: Pick<HallmarkConfig, 'adminPassword'>,
): Promise<string | undefined> {
  await source.transaction(seedRoles);
  await ensureTokenKey(source);
  return await ensureAdmin(source, config.adminPassword);
}
