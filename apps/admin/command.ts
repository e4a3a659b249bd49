import { parseArgs } from 'node:util';

/** One option of a command. `value` names what it takes; without it the option is a switch. */
export interface OptionSpec {
  readonly doc: string;
  readonly value?: string;
  readonly multiple?: boolean;
  /** Another spelling. */
  readonly alias?: string;
}

/** What a command reads from its words. */
export interface Words {
  readonly positionals: readonly string[];
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  flag(name: string): boolean;
}

/** Where a command reads from and writes to. */
export interface Terminal {
  readonly environment: NodeJS.ProcessEnv;
  /** One line of results. */
  out(line: string): void;
  /** One line for people: progress, advice, errors. */
  note(line: string): void;
  /** Redraws one line of progress; undefined when nobody watches. */
  readonly live: ((line: string) => void) | undefined;
}

/** One command. `run` gives the exit code; what it throws is shown and is 1, a {@link UsageError} is 2. */
export interface Command {
  /** What follows the command's name, such as `NAME [FILE]`. */
  readonly usage: string;
  readonly about: string;
  readonly positionals: readonly [least: number, most: number];
  readonly options: Readonly<Record<string, OptionSpec>>;
  run(words: Words, terminal: Terminal): Promise<number>;
}

/** The words of the command line are wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The option of every command that shows data. */
export const JSON_OPTION = { json: { doc: 'Write JSON for programs.' } } satisfies Record<string, OptionSpec>;

/** Reads the words after a command's name; throws {@link UsageError}. */
export function readWords(command: Command, argv: readonly string[]): Words {
  const { values, positionals } = parse(command, argv);
  const [least, most] = command.positionals;
  if (positionals.length < least) throw new UsageError(`Something is missing: ${command.usage}.`);
  if (positionals.length > most) throw new UsageError(`'${positionals[most]}' is one word too many.`);
  const all = (name: string): (string | boolean)[] => {
    const alias = command.options[name]?.alias;
    return [values[name], alias === undefined ? undefined : values[alias]].flat().filter((each) => each !== undefined);
  };
  return {
    positionals,
    text(name) {
      const given = all(name) as string[];
      if (given.length > 1)
        throw new UsageError(`--${name} and --${command.options[name]!.alias} are mutually exclusive.`);
      return given[0];
    },
    texts: (name) => all(name) as string[],
    flag: (name) => all(name).includes(true),
  };
}

function parse(command: Command, argv: readonly string[]) {
  const options = Object.fromEntries(
    Object.entries(command.options).flatMap(([name, { value, multiple = false, alias }]) => {
      const kind = { type: value === undefined ? ('boolean' as const) : ('string' as const), multiple };
      return [[name, kind], ...(alias === undefined ? [] : [[alias, kind]])] as [string, typeof kind][];
    }),
  );
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(plainly(error as NodeJS.ErrnoException));
  }
}

/** Node adds to an unknown option how to write a word that begins with a dash, which nobody meant. */
function plainly({ code, message }: NodeJS.ErrnoException): string {
  const option = /'([^']+)'/.exec(message)?.[1] ?? '';
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return `There is no option '${option}'.`;
  if (message.includes('argument missing')) return `${option.replace(/^-\w, /, '')} is missing.`;
  return message;
}

/** The text of `--help`. */
export function helpOf(name: string, command: Command): string {
  const rows = Object.entries(command.options).map(([option, { value, alias, doc }]) => {
    const spellings = [option, ...(alias === undefined ? [] : [alias])].map((each) => `--${each}`).join(', ');
    return [value === undefined ? spellings : `${spellings} ${value}`, doc] as const;
  });
  rows.push(['--help', 'Show this.']);
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `usage: hallmark ${name}${command.usage === '' ? '' : ` ${command.usage}`}`,
    '',
    command.about,
    '',
    ...rows.map(([left, doc]) => `  ${left.padEnd(width)}  ${doc}`),
  ].join('\n');
}
