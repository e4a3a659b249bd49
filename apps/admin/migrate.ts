import 'reflect-metadata';
import { prepareDatabase } from '../../migrations/prepare-database.js';
import type { Command } from './command.js';
import { readSettings } from './settings.js';
import { announceAdmin, withDatabaseUrl } from './with-database.js';

/** Brings the database to this version. */
export const migrate: Command = {
  usage: '',
  about: 'Makes or changes the tables, roles and first account, as a start of the server does. Safe to repeat.',
  positionals: [0, 0],
  options: {},
  async run(_words, terminal) {
    const prepared = await withDatabaseUrl(readSettings(terminal.environment), prepareDatabase);
    announceAdmin(terminal, prepared.generatedPassword);
    terminal.out('The database is at this version.');
    return 0;
  },
};
