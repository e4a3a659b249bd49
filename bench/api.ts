import { parseArgs } from 'node:util';
import { pushImage } from './content.js';
import { growRepository } from './grow-repository.js';
import { cpuSeconds, databaseCpuSeconds } from './measure.js';
import { machine } from './report.js';
import { startHallmark, type Server } from './servers.js';

// Usage: node dist/bench/api.js [--tags 1000,100000] [--samples 60]: the REST API by size of the repository.
const { values } = parseArgs({
  options: { tags: { type: 'string', default: '1000,100000' }, samples: { type: 'string', default: '60' } },
});
const SAMPLES = Number(values.samples);
const REPOSITORIES = 1000;
const COPIED = 10_000;
const API = '/pulp/api/v3';

interface Figure {
  readonly p50: number;
  readonly cpu: number;
  /** CPU of its PostgreSQL. */
  readonly database: number;
}

interface Page {
  readonly results: readonly { readonly pulp_href: string; readonly digest?: string }[];
}

async function request(server: Server, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(server.url + path, {
    method,
    headers: { ...server.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path.slice(0, 200)}: ${response.status} ${text.slice(0, 500)}`);
  return text === '' ? undefined : JSON.parse(text);
}

const get = (server: Server, path: string) => request(server, 'GET', path);

async function task(server: Server, path: string, body: unknown): Promise<void> {
  const { task: href } = (await request(server, 'POST', path, body)) as { task: string };
  for (;;) {
    const { state, error } = (await get(server, `${href}?fields=state,error`)) as { state: string; error: unknown };
    if (state === 'completed') return;
    if (state === 'failed') throw new Error(JSON.stringify(error));
    await new Promise((done) => setTimeout(done, 1));
  }
}

/** Half of the runs take no longer than p50; the CPU is what one run takes. In milliseconds. */
async function measure(server: Server, work: (index: number) => Promise<unknown>, samples = SAMPLES): Promise<Figure> {
  for (let index = 0; index < Math.min(10, samples); index++) await work(-1 - index);
  const times: number[] = [];
  const before = { server: cpuSeconds(server.pid), database: databaseCpuSeconds(server.folder) };
  for (let index = 0; index < samples; index++) {
    const start = performance.now();
    await work(index);
    times.push(performance.now() - start);
  }
  const cpu = ((cpuSeconds(server.pid) - before.server) * 1000) / samples;
  const database = ((databaseCpuSeconds(server.folder) - before.database) * 1000) / samples;
  return { p50: times.toSorted((left, right) => left - right)[Math.floor(samples / 2)]!, cpu, database };
}

/** How many requests a second, eight at once. */
async function rate(server: Server, path: string, seconds = 3): Promise<string> {
  let count = 0;
  const before = cpuSeconds(server.pid) + databaseCpuSeconds(server.folder);
  const end = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (; performance.now() < end; count++) await get(server, path);
    }),
  );
  const cpu = ((cpuSeconds(server.pid) + databaseCpuSeconds(server.folder) - before) * 1000) / count;
  return `${Math.round(count / seconds)}/s, ${cpu.toFixed(2)} ms`;
}

interface Subject {
  readonly repository: string;
  readonly version: string;
  readonly digest: string;
  readonly unit: string;
}

async function subjectOf(server: Server, name: string, digest: string): Promise<Subject> {
  const { results } = (await get(server, `${API}/repositories/container/container-push/?name=${name}`)) as Page;
  const moved = results[0]!.pulp_href;
  await task(server, `${moved}migrate/`, undefined);
  const repository = moved.replace('container-push', 'container');
  const { latest_version_href: version } = (await get(server, repository)) as { latest_version_href: string };
  const tags = (await get(server, `${API}/content/container/tags/?name=tag-7`)) as Page;
  return { repository, version, digest, unit: tags.results[0]!.pulp_href };
}

const reads = ({ version }: Subject, tags: number): Record<string, string> => ({
  'tags, first 100': `${API}/content/container/tags/?limit=100`,
  'tags, 100 near the end': `${API}/content/container/tags/?limit=100&offset=${Math.floor(tags * 0.9)}`,
  'tags by `name__contains`': `${API}/content/container/tags/?limit=100&name__contains=${tags - 1}`,
  'tags of a version, 100': `${API}/content/container/tags/?limit=100&repository_version=${version}`,
  'manifests, 100': `${API}/content/container/manifests/?limit=100`,
  'repositories, 100 of 1,000': `${API}/repositories/container/container/?limit=100`,
  'version with its summary': version,
});

async function writes(server: Server, subject: Subject, empty: string): Promise<Record<string, Figure>> {
  const { repository, digest, unit, version } = subject;
  const few = Math.min(20, SAMPLES);
  const act = (action: string, body: (index: number) => unknown, href = repository) =>
    measure(server, (index) => task(server, `${href}${action}/`, body(index)), few);
  const name = (index: number) => `bench${index}`;
  return {
    tag: await act('tag', (index) => ({ tag: name(index), digest })),
    untag: await act('untag', (index) => ({ tag: name(index) })),
    'remove and add one': await measure(
      server,
      async () => {
        await task(server, `${repository}remove/`, { content_units: [unit] });
        await task(server, `${repository}add/`, { content_units: [unit] });
      },
      few,
    ),
    'copy one tag': await act(
      'copy_tags',
      (index) => ({ source_repository_version: version, names: [`tag-${index + 20}`] }),
      empty,
    ),
  };
}

const created = async (server: Server, name: string): Promise<string> =>
  ((await request(server, 'POST', `${API}/repositories/container/container/`, { name })) as { pulp_href: string })
    .pulp_href;

async function run(tags: number): Promise<Record<string, string>> {
  const server = await startHallmark();
  try {
    const image = await pushImage(server, 'bench/api', 'latest', 1500);
    await growRepository(server, 'bench/api', image.digest, tags);
    for (let index = 0; index < REPOSITORIES; index++) await created(server, `r${index}`);
    const subject = await subjectOf(server, 'bench/api', image.digest);
    const result: Record<string, string> = {};
    const say = ({ p50, cpu, database }: Figure) =>
      `${p50.toFixed(1)} ms, ${cpu.toFixed(1)} + ${database.toFixed(1)} ms`;
    for (const [what, path] of Object.entries(reads(subject, tags)))
      result[what] = say(await measure(server, () => get(server, path)));
    const empty = await created(server, 'copies');
    for (const [what, figure] of Object.entries(await writes(server, subject, empty))) result[what] = say(figure);
    const names = Array.from({ length: Math.min(COPIED, tags) }, (_, index) => `tag-${index + 1}`);
    const whole = await created(server, 'whole');
    const body = { source_repository_version: subject.version, names };
    const start = performance.now();
    await task(server, `${whole}copy_tags/`, body);
    result['copy of 10,000 tags (or all) into an empty repository'] = `${(performance.now() - start).toFixed(0)} ms`;
    result['version reads, 8 clients'] = await rate(server, subject.version);
    return result;
  } finally {
    await server.stop();
  }
}

const sizes = values.tags.split(',').map(Number);
const results: Record<string, string>[] = [];
for (const size of sizes) results.push(await run(size));
console.log(`${machine()}\n\n| | ${sizes.map((size) => `${size.toLocaleString('en')} tags`).join(' | ')} |`);
console.log(`| --- | ${sizes.map(() => '--:').join(' | ')} |`);
for (const what of Object.keys(results[0]!))
  console.log(`| ${what} | ${results.map((each) => each[what]).join(' | ')} |`);
