// What README, docs and deployment files name must be there: files, headings, settings, commands, options and paths.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { beforeAll, describe, expect, it } from 'vitest';
import { OTHER_VARIABLES } from '#platform/other-variables.js';
import { SETTINGS } from '#platform/settings.js';
import { COMMANDS } from '../../apps/admin/commands.js';
import { blocksOf } from '../acceptance/pages.js';
import { settingsPage } from './settings-page.js';
import { sourceFiles } from './source-files.js';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFile(join(root, path), 'utf8');
const pages: Record<string, string> = {};

beforeAll(async () => {
  for (const path of await sourceFiles(/^(docs\/|bench\/)?[^/]+\.md$/)) pages[path] = await read(path);
});

/** Every match of an expression in the pages, with the page. */
const inPages = (pattern: RegExp) =>
  Object.entries(pages).flatMap(([page, text]) =>
    [...text.matchAll(pattern)].map((match) => ({ page, words: match.slice(1) as string[] })),
  );

describe('the pages', () => {
  it('link to files and headings that are there', () => {
    const links = inPages(/\]\(([^)\s]+)\)/g).filter(({ words }) => !/^https?:/.test(words[0]!));
    expect(links.length).toBeGreaterThan(30);
    for (const { page, words } of links) {
      const [path, heading] = words[0]!.split('#') as [string, string?];
      const target = path === '' ? page : normalize(join(dirname(page), path));
      expect(existsSync(join(root, target)), `${page}: ${words[0]}`).toBe(true);
      if (heading === undefined) continue;
      const headings = [...pages[target]!.matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
        text!
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      );
      expect(headings, `${page}: ${words[0]}`).toContain(heading);
    }
  });

  it('name only files of the project that are there', () => {
    const named = inPages(/`((?:apps|libs|test|bench|scripts|deploy|docs|migrations)\/[\w./-]+)`/g);
    expect(named.length).toBeGreaterThan(20);
    for (const { page, words } of named) {
      const [path] = words as [string];
      const there = [path, `${path}.ts`, `${path}.spec.ts`].some((each) => existsSync(join(root, each)));
      expect(there, `${page}: ${path}`).toBe(true);
    }
  });

  it('name only tests that are there', () => {
    const [, table = ''] = pages['docs/security.md']!.split('Tested in');
    const named = [...table.matchAll(/`((?:\w+\/)+[\w-]+)`/g)].map(([, path]) => path!);
    expect(named.length).toBeGreaterThan(50);
    for (const path of named) {
      const there = [`test/${path}.spec.ts`, `${path}.spec.ts`, path].some((each) => existsSync(join(root, each)));
      expect(there, path).toBe(true);
    }
  });

  it('name only commands and options of `hallmark` that are there', async () => {
    const lines = inPages(/(?:npx |api |worker |-- |`|^)hallmark ((?:[^\n`|;]|\\\n)*)/gm);
    const called = lines.filter(({ words }) => /^[a-z]/.test(words[0]!));
    expect(called.length).toBeGreaterThan(30);
    for (const { page, words } of called) {
      const [name = '', ...rest] = words[0]!.replaceAll('\\\n', ' ').split(/\s+/);
      const listed = COMMANDS[name];
      if (!listed) throw new Error(`${page} calls 'hallmark ${name}', which is no command`);
      const { options } = await listed.load();
      for (const [, option] of rest.join(' ').matchAll(/(?<=^|\s)--([\w-]+)/g))
        expect([...Object.keys(options), 'help'], `${page}: hallmark ${name}`).toContain(option);
    }
  });

  it('name only paths of the REST API that are in its document', async () => {
    const document = JSON.parse(await read('docs/api.json')) as { paths: Record<string, unknown> };
    const known = Object.keys(document.paths);
    const named = inPages(/(\/pulp\/api\/v3\/[\w./-]+)/g).filter(({ page }) => page !== 'docs/pulp-compatibility.md');
    expect(named.length).toBeGreaterThan(15);
    for (const { page, words } of named)
      if (!words[0]!.startsWith('/pulp/api/v3/docs/'))
        expect(
          known.some((path) => path === words[0]),
          `${page}: ${words[0]}`,
        ).toBe(true);
    const below = inPages(/\{(?:version|repository)\}([\w.-]+)\/?/g);
    expect(below.length).toBeGreaterThan(2);
    for (const { page, words } of below)
      expect(
        known.some((path) => path.endsWith(`}${words[0]}/`)),
        `${page}: {…}${words[0]}`,
      ).toBe(true);
  });

  it('have blocks of JSON that are JSON', async () => {
    for (const page of Object.keys(pages))
      for (const block of await blocksOf(page, 'json')) expect(() => JSON.parse(block) as unknown, page).not.toThrow();
  });
});

describe('the settings', () => {
  const settings = Object.values(SETTINGS).map(({ variable }) => variable as string);

  it('are all in docs/settings.md, as the code has them', async () => {
    const file = join(root, 'docs/settings.md');
    const wanted = await format(settingsPage(), { ...(await resolveConfig(file)), parser: 'markdown' });
    if (process.env['UPDATE_DOCS']) await writeFile(file, wanted);
    expect(await readFile(file, 'utf8')).toBe(wanted);
  });

  it('are the only variables of ours that anything names', async () => {
    const files = await sourceFiles(
      /^(README|CONTRIBUTING)\.md$|^docker-compose\.yml$|^(docs|deploy|apps|libs)\/.*\.(md|ts|mjs|ya?ml|tpl|template|example)$/,
    );
    const named = await Promise.all(
      files.map(async (path) =>
        [...(await read(path)).matchAll(/\b(HALLMARK_[A-Z0-9_]*[A-Z0-9])\b/g)].map(([name]) => name),
      ),
    );
    const names = new Set(named.flat());
    for (const name of names) expect([...settings, ...Object.keys(OTHER_VARIABLES)], name).toContain(name);
    for (const name of settings.filter((each) => each.startsWith('HALLMARK_'))) expect(names).toContain(name);
  });
});

describe('ARCHITECTURE.md', () => {
  it('names only folders and files that are there', async () => {
    const files = await sourceFiles(/\.(ts|mjs|tpl|md|json)$/);
    const named = [...pages['ARCHITECTURE.md']!.matchAll(/`([a-z][\w-]*(?:\/[\w.-]+)+\/?)`/g)].map(([, path]) => path!);
    expect(named.length).toBeGreaterThan(30);
    for (const path of named) {
      const places = ['', 'libs/', 'apps/'].map((above) => above + path.replace(/\/$/, ''));
      const there = files.some((file) =>
        places.some((place) => file.startsWith(place) && /^($|[/.-])/.test(file.slice(place.length))),
      );
      expect(there, path).toBe(true);
    }
  });

  it('names every app, every lib and every other folder of sources', async () => {
    const folders = new Set(
      (await sourceFiles(/^(apps|libs)\/[^/]+\/.*\.ts$/)).map((path) => path.split('/', 2).join('/')),
    );
    for (const folder of [...folders, 'migrations', 'test', 'bench', 'scripts', 'deploy', 'docs'])
      expect(pages['ARCHITECTURE.md'], folder).toContain(`\`${folder}\``);
  });
});
