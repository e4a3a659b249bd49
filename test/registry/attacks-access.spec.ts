import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { endpoints, entered, POLICY } from './access-table.js';
import { changePath, type Made, makePrivate, OCI_MANIFEST, pushBlob, pushImage, putManifest } from './content.js';
import { type Answer, type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
let image: Made;
let layer: string;
const SECRET = 'alice/secret';
const PUBLIC = 'alice/public';

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, PUBLIC, 'v1', {}, { as: 'alice' });
  image = await pushImage(registry, SECRET, 'v1', {}, { as: 'alice' });
  layer = (JSON.parse(image.bytes.toString()) as { layers: { digest: string }[] }).layers[0]!.digest;
  await makePrivate(registry, SECRET);
});
afterAll(() => registry?.close());

type Sender = (method: string, path: string, body?: string) => Promise<Answer>;
const account =
  (as: string | null): Sender =>
  (method, path, body) =>
    registry.request(method, path, { as, body });
const bearer =
  (token: string): Sender =>
  (method, path, body) =>
    registry.request(method, path, { as: null, body, headers: { authorization: `Bearer ${token}` } });

async function token(scope: string, as: string | null = 'alice'): Promise<string> {
  const answer = await registry.request('GET', `/token/?service=${registry.host}&scope=${scope}`, { as });
  expect(answer.status).toBe(200);
  return answer.json<{ token: string }>().token;
}

/** A token that ran out ten minutes ago. */
async function oldToken(scope: string): Promise<string> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 900_000 });
  try {
    return await token(scope);
  } finally {
    vi.useRealTimers();
  }
}

const all = `repository:${SECRET}:pull,push,delete`;
const callers: Record<keyof typeof POLICY, () => Promise<Sender>> = {
  anonymous: async () => account(null),
  'another account': async () => account('bob'),
  'the owner': async () => account('alice'),
  'the superuser': async () => account('admin'),
  'a token to pull': async () => bearer(await token(`repository:${SECRET}:pull`)),
  'a token to push': async () => bearer(await token(`repository:${SECRET}:pull,push`)),
  'a token of another account': async () => bearer(await token(all, 'bob')),
  'a token for another repository': async () => bearer(await token(`repository:${PUBLIC}:pull,push,delete`)),
  'an anonymous token': async () => bearer(await token(all, null)),
  'an expired token': async () => bearer(await oldToken(all)),
  'a wrong password': async () => (method, path, body) =>
    registry.request(method, path, { as: null, body, headers: { authorization: `Basic ${btoa('eve:wrong')}` } }),
};

describe('rights', () => {
  it.each(Object.keys(POLICY) as (keyof typeof POLICY)[])('C1 %s gets what the table says', async (who) => {
    const ask = await callers[who]();
    for (const [right, method, path] of endpoints(SECRET, image.digest, layer)) {
      const body = method === 'PUT' || method === 'PATCH' ? '{}' : undefined;
      const got = entered(await ask(method, path, body));
      // Too many guesses are refused as such.
      const wanted = who === 'a wrong password' && got === 429 ? 429 : POLICY[who][right];
      expect([method, path, got]).toEqual([method, path, wanted]);
    }
  });

  it('C6 a token is good for its repository alone, however the name is written', async () => {
    const ask = bearer(await token(`repository:${SECRET}:pull`));
    for (const name of ['alice/secret/more', 'alice%2fsecret', 'alice/Secret', 'alice', 'alice/secre'])
      expect([400, 401, 404]).toContain((await ask('GET', `/v2/${name}/manifests/v1`)).status);
    const other = await registry.request('GET', `/token/?service=other.example&scope=${all}`, { as: 'alice' });
    const foreign = bearer(other.json<{ token: string }>().token);
    expect((await foreign('GET', `/v2/${SECRET}/manifests/v1`)).status).toBe(401);
  });

  it('C8 scopes are cut down to the rights that are held, and bounded', async () => {
    for (const scope of [`${all},*`, `${all}%20repository:*:*`, 'repository:**:pull', `registry:catalog:*%20${all}`]) {
      const ask = bearer(await token(scope, 'bob'));
      expect((await ask('GET', `/v2/${SECRET}/manifests/v1`)).status).toBe(401);
      expect((await ask('PUT', `/v2/${PUBLIC}/manifests/v1`, '{}')).status).toBe(401);
    }
    const many = Array.from({ length: 300 }, (_, at) => `repository:a/${at}:pull`).join('%20');
    const answer = await registry.request('GET', `/token/?service=${registry.host}&scope=${many}`, { as: 'bob' });
    expect(answer.status).toBe(400);
  });

  it('C10 what is deleted or made private is so for the next request, however often it was read', async () => {
    const name = 'alice/cached';
    const cached = await pushImage(registry, name, 'v1', {}, { as: 'alice' });
    const blob = await pushBlob(registry, name, someBytes(), undefined, { as: 'alice' });
    const read = async (path: string, as: string | null = null) =>
      (await registry.request('GET', `/v2/${name}/${path}`, { as })).status;
    for (let turn = 0; turn < 4; turn += 1)
      for (const path of ['manifests/v1', `manifests/${cached.digest}`, `blobs/${blob.digest}`])
        expect(await read(path)).toBe(200);
    await registry.request('DELETE', `/v2/${name}/blobs/${blob.digest}`, { as: 'alice' });
    expect(await read(`blobs/${blob.digest}`)).toBe(404);
    await makePrivate(registry, name);
    expect(await read('manifests/v1')).toBe(401);
    for (let turn = 0; turn < 4; turn += 1) expect(await read('manifests/v1', 'bob')).toBe(404);
    await registry.request('DELETE', `/v2/${name}/manifests/${cached.digest}`, { as: 'alice' });
    for (const reference of ['v1', cached.digest]) expect(await read(`manifests/${reference}`, 'alice')).toBe(404);
  });

  it('C11 of several tags either all are set or none', async () => {
    const paths = ['?tag=fresh&tag=.bad', '?tag=fresh&tag=-bad', `?tag=fresh&tag=${'x'.repeat(129)}`];
    for (const query of paths)
      expect((await putManifest(registry, SECRET, image.digest + query, image)).status).toBe(400);
    const raced = await putManifest(registry, SECRET, `${image.digest}?tag=fresh&tag=v1`, image, {
      headers: { 'if-none-match': '*' },
    });
    expect(raced.status).toBe(412);
    expect((await registry.request('GET', `/v2/${SECRET}/manifests/fresh`)).status).toBe(404);
  });

  it('C11 what serves a fixed version takes neither pushes nor deletions', async () => {
    const name = 'alice/fixed';
    const own = await pushImage(registry, name, 'v1', {}, { as: 'alice' });
    await changePath(
      registry,
      name,
      `update distribution d set repository_version_id = v.id, repository_id = null from repository_version v
       where d.base_path = $1 and v.repository_id = d.repository_id and v.number = 1`,
    );
    const answers = [
      await putManifest(registry, name, 'v2', own, { as: 'alice' }),
      await registry.request('DELETE', `/v2/${name}/manifests/v1`, { as: 'alice' }),
      await registry.request('POST', `/v2/${name}/blobs/uploads/`, { as: 'alice' }),
    ];
    for (const answer of answers) expect([400, 405]).toContain(answer.status);
    expect((await registry.request('GET', `/v2/${name}/manifests/v1`)).status).toBe(200);
  });
});

describe('what opens nothing', () => {
  const ask = (headers: Record<string, string>, as: string | null = 'bob') =>
    registry.request('GET', `/v2/${SECRET}/manifests/v1`, { as, headers });

  it('C14 a user agent, an address that a header claims, or a cookie', async () => {
    const claims: Record<string, string>[] = [
      { 'user-agent': 'cosign/3.0 (linux)' },
      { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1' },
      { cookie: 'sessionid=admin', 'remote-user': 'admin', 'x-forwarded-user': 'admin' },
    ];
    for (const headers of claims) expect((await ask(headers)).status).toBe(404);
  });

  it('C15 guessing a password is slowed, and does not lock the account out elsewhere', async () => {
    const guess = (_: unknown, at: number) =>
      registry.request('GET', '/v2/', { as: null, headers: { authorization: `Basic ${btoa(`carol:guess ${at}`)}` } });
    const answers = await Promise.all(Array.from({ length: 30 }, guess));
    const throttled = answers.filter((each) => each.status === 429);
    expect(answers.filter((each) => each.status === 401).length).toBeLessThanOrEqual(10);
    expect(throttled.length).toBeGreaterThanOrEqual(20);
    expect([throttled[0]!.code, Number(throttled[0]!.headers.get('retry-after'))]).toEqual([
      'TOOMANYREQUESTS',
      expect.any(Number),
    ]);
    expect((await registry.request('GET', '/v2/', { as: 'alice' })).status).toBe(200);
  });

  it('C16 nothing for operators answers on the port of the registry', async () => {
    for (const path of ['/metrics', '/debug/pprof', '/admin', '/admin/queues', '/queues', '/docs', '/.env', '/auth'])
      expect((await fetch(registry.url + path)).status).toBe(404);
  });

  it('C17 no other origin gets an answer with credentials', async () => {
    for (const origin of ['null', 'https://evil.example', registry.url]) {
      const answers = [await ask({ origin }, 'alice'), await ask({ origin }, null)];
      for (const { headers } of answers)
        expect([headers.get('access-control-allow-origin'), headers.get('access-control-allow-credentials')]).toEqual([
          null,
          null,
        ]);
    }
  });
});

describe('timing', () => {
  it('C2 tells nothing: private and missing take the same time, read or mounted', async () => {
    const time = async (path: string, method = 'GET') => {
      const began = performance.now();
      await registry.request(method, path, { as: 'bob', headers: { 'content-type': OCI_MANIFEST } });
      return performance.now() - began;
    };
    const mounted = await pushImage(registry, 'bob/target', 'v1', {}, { as: 'bob' });
    expect(mounted.size).toBeGreaterThan(0);
    const median = (times: number[]) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
    for (const [one, other, method] of [
      [`/v2/${SECRET}/manifests/v1`, '/v2/alice/nosuch/manifests/v1', 'GET'],
      [`/v2/${SECRET}/blobs/${layer}`, `/v2/alice/nosuch/blobs/${layer}`, 'HEAD'],
      [`/v2/bob/target/blobs/uploads/?mount=${layer}`, `/v2/bob/target/blobs/uploads/?mount=${sha('none')}`, 'POST'],
    ] as const) {
      const times: [number[], number[]] = [[], []];
      for (let turn = 0; turn < 40; turn += 1) {
        times[0].push(await time(one, method));
        times[1].push(await time(other, method));
      }
      const [first, second] = [median(times[0]), median(times[1])];
      expect(Math.max(first, second) / Math.min(first, second)).toBeLessThan(2);
    }
  });
});
