import { isDomainError, messageOf } from '#platform/domain-error.js';
import { PRODUCT_VERSION } from '#platform/product-version.js';
import { helpOf, readWords, type Terminal, UsageError } from './command.js';
import { COMMANDS } from './commands.js';

/** Runs one command line and gives its exit code: 0 done, 1 the work failed, 2 wrong usage. */
export async function runCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = argv[0] === 'help' && argv[1] !== undefined ? [argv[1], '--help'] : argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.out(overview());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') {
    terminal.out(`hallmark ${PRODUCT_VERSION}`);
    return 0;
  }
  const listed = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!listed) return refuse(terminal, `There is no command '${name}'.`, 'hallmark --help');
  const command = await listed.load();
  if (rest.includes('--help') || rest.includes('-h')) {
    terminal.out(helpOf(name, command));
    return 0;
  }
  try {
    return await command.run(readWords(command, rest), terminal);
  } catch (error) {
    if (error instanceof UsageError) return refuse(terminal, error.message, `hallmark ${name} --help`);
    terminal.note(describeFailure(error));
    return 1;
  }
}

function refuse(terminal: Terminal, message: string, help: string): number {
  terminal.note(`hallmark: ${message}`);
  terminal.note(`Type '${help}' to see what can be written.`);
  return 2;
}

function describeFailure(error: unknown): string {
  const field = isDomainError(error) && error.options.field ? ` (${error.options.field})` : '';
  return `hallmark: ${messageOf(error) || String(error)}${field}`;
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  return [
    'usage: hallmark COMMAND …',
    '',
    ...Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    "Type 'hallmark COMMAND --help' for one command, 'hallmark --version' for the version. Exit codes: 0 done, 1 the work failed, 2 wrong usage.",
  ].join('\n');
}
