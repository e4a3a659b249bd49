import { execFile } from 'node:child_process';

/** How a program ended. */
export interface ToolResult {
  readonly code: number;
  readonly output: string;
}

/** Runs a program to its end. */
export function runTool(
  path: string,
  words: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<ToolResult> {
  return new Promise((done) => {
    execFile(path, [...words], { timeout: 120_000, maxBuffer: 1 << 24, ...options }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : 1) : 0;
      done({ code, output: `${stdout}${stderr}` });
    });
  });
}
