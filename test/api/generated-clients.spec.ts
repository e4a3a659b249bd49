import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../main-path/standalone-process.js';
import { PASSWORD, ROOT, startApi, type ApiProcess } from './api-process.js';
import { pythonClientsReady, VENV_BIN } from './python-clients.js';

/** Most for one language; a generator with its Java takes about ten seconds, a compiler as long. */
const BOUND_MS = 240_000;
const TSC = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc');

const PYTHON = `
import sys
sys.path[:0] = sys.argv[1].split(':')
import generated_container as c, generated_core as p
def conf(m):
    # Path parameters are whole paths; Pulp's own clients are generated with this setting.
    made = m.Configuration(host=sys.argv[2], username='admin', password=sys.argv[3])
    made.safe_chars_for_path_param = '/'
    return made
repositories = c.RepositoriesContainerApi(c.ApiClient(conf(c)))
made = repositories.create(c.ContainerContainerRepository(name='python'))
assert repositories.read(made.pulp_href).name == 'python'
versions = c.RepositoriesContainerVersionsApi(repositories.api_client).list(made.pulp_href)
assert isinstance(versions.results[0].content_summary, c.ContentSummaryResponse)
answer = repositories.add(made.pulp_href, c.RecursiveManage())
core = p.ApiClient(conf(p))
assert p.TasksApi(core).read(answer.task).created_resources == []
assert isinstance(p.StatusApi(core).read().versions[0], p.VersionResponse)
try:
    repositories.tag(made.pulp_href, c.TagImage(tag='not a tag', digest='sha256:0'))
except c.exceptions.BadRequestException as error:
    assert '"tag"' in error.body, error.body
else:
    raise AssertionError('not refused')
`;

const TYPESCRIPT = `
import { Configuration, RepositoriesContainerApi, ResponseError } from './client/index';

async function main([basePath, password]: string[]): Promise<void> {
  const repositories = new RepositoriesContainerApi(new Configuration({ basePath, username: 'admin', password }));
  const made = await repositories.repositoriesContainerContainerCreate({
    containerContainerRepository: { name: 'typescript', pulpLabels: { a: 'b' } },
  });
  const found = await repositories.repositoriesContainerContainerList({ name: 'typescript' });
  const pulpCreated: Date | undefined = found.results[0]?.pulpCreated;
  if (found.count !== 1 || found.results[0]?.pulpHref !== made.pulpHref || !(pulpCreated instanceof Date))
    throw new Error(JSON.stringify(found));
  const error = await repositories
    .repositoriesContainerContainerCreate({ containerContainerRepository: { name: 'typescript' } })
    .catch((reason: unknown) => reason);
  if (!(error instanceof ResponseError) || error.response.status !== 400) throw new Error('not refused');
}

void main(process.argv.slice(2));
`;

const TSCONFIG = {
  compilerOptions: {
    target: 'es2022',
    module: 'nodenext',
    strict: true,
    lib: ['es2022', 'dom'],
    types: ['node'],
    typeRoots: [join(import.meta.dirname, '../../node_modules/@types')],
    outDir: 'dist',
  },
  include: ['**/*.ts'],
};

describe.runIf(pythonClientsReady())('clients that openapi-generator makes of the document', () => {
  let api: ApiProcess;
  const at = (name: string) => join(api.dataDir, name);
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api?.close());

  /** Runs a program; what it said when it failed, else nothing. */
  const complaint = async (program: string, ...words: string[]) => {
    const { code, stdout, stderr } = await run(program, words, {
      PATH: process.env['PATH'] ?? '',
      HOME: api.dataDir,
    });
    return code === 0 ? '' : `${program} ${words.join(' ')}\n${stdout.slice(-3000)}${stderr.slice(-3000)}`;
  };

  /** Generates a client of the document in one of its forms. */
  const generate = async (generator: string, form: string, name: string, ...more: string[]) => {
    const document = at(`${name}.json`);
    const answer = await fetch(`${api.url}${ROOT}/docs/api.json?${form}`);
    await writeFile(document, await answer.text());
    const words = ['generate', '--input-spec', document, '--generator-name', generator, '--output', at(name), ...more];
    return complaint(join(VENV_BIN, 'openapi-generator-cli'), ...words);
  };

  /** What the templates of Pulp's generator do: a path that begins with an href gets no slash before it. */
  const hrefsAsPaths = async (folder: string) => {
    for (const name of await readdir(folder)) {
      const file = join(folder, name);
      if (!name.endsWith('_api.py')) continue;
      await writeFile(file, (await readFile(file, 'utf8')).replaceAll(`resource_path='/{`, `resource_path='{`));
    }
  };

  it(
    'in Python compile and work',
    async () => {
      for (const component of ['core', 'container']) {
        const name = `--additional-properties=packageName=generated_${component},library=urllib3`;
        // Paths that begin with an href are none to the validator; Pulp's generator leaves it out as well.
        const more = ['--skip-validate-spec', name];
        expect(await generate('python', `bindings&component=${component}`, component, ...more)).toBe('');
        const source = join(at(component), `generated_${component}`);
        await hrefsAsPaths(join(source, 'api'));
        expect(await complaint(join(VENV_BIN, 'python'), '-m', 'compileall', '-q', source)).toBe('');
      }
      const words = ['-c', PYTHON, `${at('core')}:${at('container')}`, api.url, PASSWORD];
      expect(await complaint(join(VENV_BIN, 'python'), ...words)).toBe('');
    },
    BOUND_MS,
  );

  it(
    'in TypeScript compile and work, and the document with keys in its paths is valid',
    async () => {
      expect(await generate('typescript-fetch', 'pk_path=1', 'client')).toBe('');
      await writeFile(at('main.ts'), TYPESCRIPT);
      await writeFile(at('tsconfig.json'), JSON.stringify(TSCONFIG));
      expect(await complaint(process.execPath, TSC, '-p', api.dataDir)).toBe('');
      expect(await complaint(process.execPath, at('dist/main.js'), api.url, PASSWORD)).toBe('');
    },
    BOUND_MS,
  );
});
