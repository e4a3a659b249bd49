import { runCommand } from '../../apps/admin/run-command.js';

/** What a command line did. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly notes: string;
}

/** Runs the operator's command in this process. */
export async function hallmark(environment: NodeJS.ProcessEnv, ...argv: string[]): Promise<Ran> {
  const out: string[] = [];
  const notes: string[] = [];
  const code = await runCommand(argv, {
    environment: { PATH: process.env['PATH'], ...environment },
    out: (line) => void out.push(line),
    note: (line) => void notes.push(line),
    live: undefined,
  });
  return { code, out: out.join('\n'), notes: notes.join('\n') };
}
