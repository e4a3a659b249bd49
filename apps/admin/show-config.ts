import type { HallmarkConfig, SettingOrigin } from '#platform/config.js';
import { unknownVariables } from '#platform/unknown-variables.js';
import { type Command, JSON_OPTION } from './command.js';
import { readSettings } from './settings.js';
import { tableOf } from './table.js';

/** All settings. */
export const showConfig: Command = {
  usage: '[--json] [--long]',
  about:
    'Writes every setting, its value (secrets masked) and where the value comes from. Problems are listed at once.',
  positionals: [0, 0],
  options: { ...JSON_OPTION, long: { doc: 'Add what each setting is for.' } },
  async run(words, terminal) {
    const origins = withDerived(readSettings(terminal.environment));
    const row = ({ variable, value, origin, doc }: SettingOrigin) => [
      variable,
      value || '-',
      origin,
      ...(words.flag('long') ? [doc] : []),
    ];
    if (words.flag('json')) terminal.out(JSON.stringify(origins, undefined, 2));
    else for (const line of tableOf(origins.map(row))) terminal.out(line);
    for (const sentence of unknownVariables(terminal.environment)) terminal.note(sentence);
    return 0;
  },
};

/** Settings whose default follows from others show what they come to. */
function withDerived(config: HallmarkConfig): SettingOrigin[] {
  return config.origins.map((each) =>
    each.variable === 'HALLMARK_PUBLIC_URL' ? { ...each, value: config.publicUrl } : each,
  );
}
