import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, startApi, type ApiProcess, type Json } from './api-process.js';
import { PulpCli, pythonClientsReady } from './python-clients.js';

interface Documented {
  readonly path: string;
  readonly method: string;
  readonly operation: Json;
}

describe('the API document', () => {
  let api: ApiProcess;
  let document: Json;
  let operations: Documented[];
  beforeAll(async () => {
    api = await startApi();
    document = (await api.get(`${ROOT}/docs/api.json`, { as: null })).body;
    operations = Object.entries(document.paths as Json).flatMap(([path, item]) =>
      Object.entries(item as Json).map(([method, operation]) => ({ path, method, operation })),
    );
  });
  afterAll(() => api.close());

  it('is what clients check before anything else', async () => {
    const { status, headers } = await api.get(`${ROOT}/docs/api.json`, {
      as: null,
      headers: { 'correlation-id': 'abc' },
    });
    expect([status, headers.get('content-type'), headers.get('correlation-id')]).toEqual([
      200,
      'application/json',
      'abc',
    ]);
    expect(document.openapi).toBe('3.0.3');
    expect(document.info['x-pulp-app-versions']).toMatchObject({
      core: expect.any(String),
      container: expect.any(String),
    });
    expect(document.info['x-pulp-domain-enabled']).toBe(false);
    expect(document.components.securitySchemes).toEqual({ basicAuth: { type: 'http', scheme: 'basic' } });
  });

  it('has a page, to which the address of the server leads', async () => {
    const page = await fetch(`${api.url}/`);
    expect([page.status, page.redirected, page.url]).toEqual([200, true, `${api.url}${ROOT}/docs/`]);
    expect(await page.text()).toContain('<h1>REST API</h1>');
  });

  it('names every operation once, and every schema it speaks of', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
    const refs = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
    expect([...new Set(refs)].filter((name) => !(name! in document.components.schemas))).toEqual([]);
    for (const { path, operation } of operations) {
      const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
      expect(operation.parameters.filter((each: Json) => each.in === 'path').map((each: Json) => each.name)).toEqual(
        inPath,
      );
    }
  });

  it('lists no parameter that the server does not know', async () => {
    const lists = operations.filter(({ path, method }) => method === 'get' && path.startsWith('/'));
    for (const { path, operation } of lists)
      for (const { name, schema } of operation.parameters) {
        const { status, body } = await api.get(`${path}?${name}=${schema.type === 'boolean' ? 'true' : '1'}`);
        expect(status, `${path} ${name}`).toBeLessThan(500);
        expect(body?.errors, `${path} ${name}`).toBeUndefined();
      }
  });

  it('has only operations that somebody must sign in for, but the open ones', async () => {
    for (const { path, method, operation } of operations.filter(({ path: each }) => each.startsWith('/'))) {
      const { status } = await api.request(method.toUpperCase(), path, method === 'get' ? undefined : {}, { as: null });
      expect(status === 401, `${method} ${path}`).toBe(operation.security !== undefined);
    }
  });

  it('every path says what it allows, and refuses the rest', async () => {
    for (const { path, method } of operations.filter(({ path: each }) => each.startsWith('/'))) {
      const { status, headers, body } = await api.request('OPTIONS', path, undefined, { as: null });
      expect([status, body.parses], path).toEqual([200, expect.arrayContaining(['application/json'])]);
      expect(headers.get('allow')!.split(', '), path).toEqual(
        expect.arrayContaining([method.toUpperCase(), 'OPTIONS']),
      );
    }
    const refused = await api.request('PUT', `${ROOT}/tasks/`, {});
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect((await api.request('OPTIONS', `${ROOT}/nothing/`)).status).toBe(404);
  });

  it('is not needed to find what there is: the root names it, to everybody', async () => {
    for (const root of [`${ROOT}/`, ROOT]) {
      const { status, headers, body } = await api.request('GET', root, undefined, { as: null });
      expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
      const lists = operations.filter(({ path, method }) => path.startsWith('/') && method === 'get');
      expect(Object.values(body).toSorted()).toEqual(lists.map(({ path }) => `${api.url}${path}`).toSorted());
      expect(body['repositories/container/container']).toBe(`${api.url}${ROOT}/repositories/container/container/`);
    }
    const refused = await api.request('POST', `${ROOT}/`, {});
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });

  it('comes in other forms', async () => {
    const bindings = (await api.get(`${ROOT}/docs/api.json?bindings&component=container`)).body;
    expect(bindings.paths[`${ROOT}/repositories/container/container/`].get.operationId).toBe('list');
    expect(bindings.paths).not.toHaveProperty(`${ROOT}/tasks/`);
    const keys = (await api.get(`${ROOT}/docs/api.json?pk_path=1`)).body;
    expect(keys.paths).toHaveProperty(
      `${ROOT}/repositories/container/container/{container_container_repository_pk}/sign/`,
    );
    for (const page of ['docs/', 'swagger/', 'docs/api.yaml'])
      expect((await api.get(`${ROOT}/${page}`, { as: null })).status).toBe(200);
  });

  it.runIf(pythonClientsReady())('says the same in YAML', async () => {
    const python = await PulpCli.for(api.url);
    const program = `
import json, sys, urllib.request, yaml
get = lambda name: urllib.request.urlopen(sys.argv[1] + '/pulp/api/v3/docs/' + name).read()
assert yaml.safe_load(get('api.yaml')) == json.loads(get('api.json'))
`;
    const { code, stderr } = await python.python(program);
    await python.close();
    expect([code, stderr]).toEqual([0, '']);
  });
});
