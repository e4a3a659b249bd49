import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, ROOT, startApi, type ApiProcess, type Json } from './api-process.js';

const REMOTES = `${ROOT}/remotes/container/container/`;

/** The two ways in which forms send their members. */
const ENCODINGS = {
  'multipart/form-data': (pairs: readonly (readonly [string, string])[]) => {
    const form = new FormData();
    for (const [name, value] of pairs) form.append(name, value);
    return form;
  },
  'application/x-www-form-urlencoded': (pairs: readonly (readonly [string, string])[]) =>
    new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])),
} as const;

describe.each(Object.entries(ENCODINGS))('a body that comes as %s', (type, encode) => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.close());

  const post = async (path: string, body: FormData | URLSearchParams, method = 'POST') => {
    const authorization = `Basic ${btoa(`admin:${PASSWORD}`)}`;
    const response = await fetch(new URL(path, api.url), { method, headers: { authorization }, body });
    return { status: response.status, body: (await response.json()) as Json };
  };

  it('makes what the same members make as JSON', async () => {
    const made = await post(
      REMOTES,
      encode([
        ['name', 'form'],
        ['url', 'https://up.example'],
        ['upstream_name', 'a/b'],
        ['tls_validation', 'false'],
        ['max_retries', '7'],
        ['total_timeout', '1.5'],
        ['includes', '1.*'],
        ['includes', '2.*'],
        ['excludes', 'old'],
        ['proxy_url', ''],
        ['pulp_labels', '{"a": "b"}'],
      ]),
    );
    const json = await api.request('POST', REMOTES, {
      name: 'json',
      url: 'https://up.example',
      upstream_name: 'a/b',
      tls_validation: false,
      max_retries: 7,
      total_timeout: 1.5,
      includes: ['1.*', '2.*'],
      excludes: ['old'],
      proxy_url: null,
      pulp_labels: { a: 'b' },
    });
    expect([made.status, json.status]).toEqual([201, 201]);
    const own = 'name,pulp_href,prn,pulp_created,pulp_last_updated';
    const shown = async ({ body }: { body: Json }) =>
      (await api.get(`${body['pulp_href']!}?exclude_fields=${own}`)).body as unknown;
    expect(await shown(made)).toEqual(await shown(json));
  });

  it('changes one member, runs an action, and is refused by name', async () => {
    const { body } = await api.request('POST', `${ROOT}/repositories/container/container/`, { name: 'changed' });
    const href = body['pulp_href'] as string;
    expect((await post(href, encode([['description', 'from a form']]), 'PATCH')).status).toBe(202);
    expect((await api.get(href)).body['description']).toBe('from a form');
    const label = [
      ['key', 'a'],
      ['value', 'b'],
    ] as const;
    expect(await post(`${href}set_label/`, encode(label))).toEqual({ status: 201, body: { key: 'a', value: 'b' } });
    const wrong = await post(
      `${ROOT}/repositories/container/container/`,
      encode([
        ['name', ''],
        ['retain_repo_versions', 'many'],
        ['colour', 'red'],
        ['__proto__', 'x'],
      ]),
    );
    expect(wrong.status).toBe(400);
    expect(Object.keys(wrong.body as object).toSorted()).toEqual([
      '__proto__',
      'colour',
      'name',
      'retain_repo_versions',
    ]);
    expect(wrong.body['name']).toEqual(['This field may not be blank.']);
  });

  it('is declared by the document for every operation with a body', async () => {
    const { paths } = (await api.get(`${ROOT}/docs/api.json`)).body as { paths: Record<string, Record<string, Json>> };
    const bodies = Object.values(paths).flatMap((item) =>
      Object.values(item).flatMap((operation) =>
        operation['requestBody'] ? [operation['requestBody']['content']] : [],
      ),
    );
    const json = bodies.filter((content) => content['application/json']);
    expect(json.length).toBeGreaterThan(100);
    for (const content of json) expect(Object.keys(content as object)).toContain(type);
  });
});

it('a file where none is taken is refused by name', async () => {
  const api = await startApi();
  try {
    const form = new FormData();
    form.append('name', new Blob(['x']), 'a file');
    const headers = { authorization: `Basic ${btoa(`admin:${PASSWORD}`)}` };
    const answer = await fetch(new URL(`${ROOT}/groups/`, api.url), { method: 'POST', headers, body: form });
    expect([answer.status, await answer.json()]).toEqual([400, { name: ['Not a valid string.'] }]);
  } finally {
    await api.close();
  }
});
