import { messageOf } from '#platform/domain-error.js';
import { type Command, JSON_OPTION } from './command.js';
import { checkDatabase } from './doctor-database.js';
import { checkStorage, checkTools } from './doctor-machine.js';
import { readSettings } from './settings.js';
import { withDatabaseUrl } from './with-database.js';

/** One thing that was looked at. `fix` says what to do when it is not ok. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failure';
  readonly detail: string;
  readonly fix?: string;
}

/** Looks at everything that Hallmark needs. */
export const doctor: Command = {
  usage: '[--json]',
  about: 'Checks database, migrations, pooler, queue, workers, storage and signing tools, and says how to mend each.',
  positionals: [0, 0],
  options: JSON_OPTION,
  async run(words, terminal) {
    const config = readSettings(terminal.environment);
    const findings: Finding[] = [
      ...(await withDatabaseUrl(config, checkDatabase).catch((error: unknown) => [noDatabase(error)])),
      await checkStorage(config),
      ...(await checkTools(terminal.environment)),
    ];
    if (words.flag('json')) terminal.out(JSON.stringify(findings, undefined, 2));
    else findings.flatMap(linesOf).forEach((line) => terminal.out(line));
    return findings.some(({ state }) => state === 'failure') ? 1 : 0;
  },
};

const noDatabase = (error: unknown): Finding => ({
  name: 'database',
  state: 'failure',
  detail: messageOf(error) || String(error),
  fix: 'Start PostgreSQL 14 or later and set DATABASE_URL, or unset it for the embedded one.',
});

const MARKS = { ok: '✓', warning: '!', failure: '✗' } as const;

function linesOf({ name, state, detail, fix }: Finding): string[] {
  const first = `${MARKS[state]} ${name.padEnd(12)} ${detail}`;
  return state === 'ok' || fix === undefined ? [first] : [first, `  ${''.padEnd(12)} → ${fix}`];
}
