import type { Terminal } from './command.js';

/** The process's own terminal: results to stdout, the rest to stderr, progress only when a person watches. */
export function openTerminal(): Terminal {
  let drawn = false;
  const clear = () => {
    if (drawn) process.stderr.write('\r\u001b[K');
    drawn = false;
  };
  // A reader such as head may be gone before all is written.
  process.stdout.on('error', () => process.exit(0));
  return {
    environment: process.env,
    out(line) {
      clear();
      process.stdout.write(`${line}\n`);
    },
    note(line) {
      clear();
      process.stderr.write(`${line}\n`);
    },
    live: process.stderr.isTTY
      ? (line) => {
          process.stderr.write(`\r\u001b[K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
          drawn = true;
        }
      : undefined,
  };
}
