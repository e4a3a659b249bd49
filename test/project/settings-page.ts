import { OTHER_VARIABLES } from '#platform/other-variables.js';
import { SETTINGS } from '#platform/settings.js';

/** The text of docs/settings.md, but for the widths of its columns. */
export function settingsPage(): string {
  const shown = (value: unknown) => (value === undefined || `${value as string}` === '' ? '' : `\`${String(value)}\``);
  return [
    '# Settings',
    '',
    'A setting is an environment variable. `npx hallmark config --long` shows this list with the values that are in force and where',
    'each came from; what cannot be used ends a start with all problems at once, and a `HALLMARK_…` variable that nobody knows is',
    'named in a warning. Written by `test/project/documents.spec.ts` (`UPDATE_DOCS=1`) from `libs/platform/settings.ts`.',
    '',
    '| Variable | Default | What |',
    '| --- | --- | --- |',
    ...Object.values(SETTINGS).map(
      ({ variable, default: value, doc }) => `| \`${variable}\` | ${shown(value)} | ${doc} |`,
    ),
    '',
    '## Read by others',
    '',
    '| Variable | Read by |',
    '| --- | --- |',
    ...Object.entries(OTHER_VARIABLES).map(([name, what]) => `| \`${name}\` | ${what} |`),
    '',
  ].join('\n');
}
