// Rules of CONTRIBUTING.md that a reader would otherwise have to check line by line.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { sourceFiles } from './source-files.js';

const root = join(import.meta.dirname, '../..');
/** Generated, and never edited afterwards. */
const FIRST_MIGRATION = 'migrations/1795268000087-initial.ts';

/** The names of a file's own exports that nothing explains. */
function silentExports(path: string, text: string): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return file.statements
    .filter((statement) => ts.canHaveModifiers(statement) && isExported(statement))
    .filter((statement) => ts.getJSDocCommentsAndTags(statement).length === 0)
    .map((statement) => `${path}: ${statement.getText(file).split('\n')[0]!}`);
}

const isExported = (statement: ts.HasModifiers) =>
  ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;

describe('the sources', () => {
  it('say of every export what it is for', async () => {
    const files = await sourceFiles(/^(apps|libs|test|bench)\/.*(?<!\.spec)\.ts$/);
    expect(files.length).toBeGreaterThan(500);
    const silent = await Promise.all(
      files.map(async (path) => silentExports(path, await readFile(join(root, path), 'utf8'))),
    );
    expect(silent.flat()).toEqual([]);
  });

  it('an export without a word is found', () => {
    expect(
      silentExports('a.ts', '/** One. */\nexport const one = 1;\nexport function two() {}\nconst three = 3;'),
    ).toEqual(['a.ts: export function two() {}']);
  });

  it('have no file of more than 300 lines', async () => {
    const files = await sourceFiles(/\.(ts|mts|mjs|sh)$/);
    const long: string[] = [];
    for (const path of files) if ((await readFile(join(root, path), 'utf8')).split('\n').length > 301) long.push(path);
    expect(long).toEqual([FIRST_MIGRATION]);
  });

  it('have no folder or file for whatever has no better place', async () => {
    const vague = await sourceFiles(/(^|\/)(common|shared|utils?|helpers?|misc|index)(\/|\.ts$|\.mjs$)/);
    expect(vague).toEqual([]);
  });
});
