import { Initial1795268000087 } from './1795268000087-initial.js';

/** All migrations, oldest first. A merged one is never edited. */
export const migrations: Function[] = [Initial1795268000087];
