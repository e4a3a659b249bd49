import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, startApi, type ApiProcess, type Json } from './api-process.js';

const REPOSITORIES = `${ROOT}/repositories/container/container/`;

describe('lists', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi();
    for (const name of ['alpha', 'beta', 'Gamma', 'delta'])
      await api.request('POST', REPOSITORIES, { name, retain_repo_versions: name.length });
  });
  afterAll(() => api.close());

  const ask = (query: Record<string, string>) => api.get(`${REPOSITORIES}?${new URLSearchParams(query)}`);
  const names = async (query: Record<string, string>) =>
    (await ask(query)).body['results']!.map((each: Json) => each['name'] as string) as string[];
  const refusal = async (query: Record<string, string>) => {
    const { status, body } = await ask(query);
    expect(status).toBe(400);
    return body;
  };

  it('are paged with absolute links, forwards and backwards', async () => {
    const first = await ask({ limit: '3', ordering: 'name' });
    expect(first.body).toMatchObject({ count: 4, previous: null });
    expect(first.body['next']).toBe(`${api.url}${REPOSITORIES}?limit=3&ordering=name&offset=3`);
    const second = await api.get(first.body['next']!.slice(api.url.length));
    expect(second.body).toMatchObject({ next: null, results: [{ name: 'delta' }] });
    expect(second.body['previous']).toBe(`${api.url}${REPOSITORIES}?limit=3&ordering=name`);
    expect((await ask({ offset: '99999999999' })).body).toMatchObject({ count: 4, results: [] });
    expect(await names({ limit: 'x', offset: '-1' })).toHaveLength(4);
  });

  it('are the same from either end', async () => {
    const all = await names({ ordering: '-name' });
    const paged = await Promise.all(
      [0, 1, 2, 3].map((at) => names({ ordering: '-name', limit: '1', offset: String(at) })),
    );
    expect(paged.flat()).toEqual(all);
    expect(all).toEqual(['delta', 'beta', 'alpha', 'Gamma']);
  });

  it('show the members that are asked for', async () => {
    const { body } = await ask({ fields: 'name,prn', name: 'beta' });
    expect(Object.keys(body['results']![0]!)).toEqual(['prn', 'name']);
    const rest = await ask({ exclude_fields: 'name,prn', name: 'beta' });
    expect(rest.body['results']![0]).not.toHaveProperty('name');
  });

  it.each([
    [{ name: 'beta' }, ['beta']],
    [{ name__in: 'beta,delta' }, ['beta', 'delta']],
    [{ name__iexact: 'gamma' }, ['Gamma']],
    [{ name__contains: 'lt' }, ['delta']],
    [{ name__icontains: 'GA' }, ['Gamma']],
    [{ name__startswith: 'a' }, ['alpha']],
    [{ name__istartswith: 'g' }, ['Gamma']],
    [{ name__regex: '^.e.*a$' }, ['beta', 'delta']],
    [{ name__iregex: '^G' }, ['Gamma']],
    [{ name__contains: '%' }, []],
    [{ retain_repo_versions: '4' }, ['beta']],
    [{ retain_repo_versions__ne: '5' }, ['beta']],
    [{ retain_repo_versions__range: '1,4' }, ['beta']],
    [{ retain_repo_versions__isnull: 'true' }, []],
    [{ remote: 'null', name: 'beta' }, ['beta']],
    [{ q: 'name="beta" OR name=delta' }, ['beta', 'delta']],
    [{ q: 'NOT name__contains=ta AND (name=alpha OR name=beta)' }, ['alpha']],
    [{ q: 'not name="Gamma" and not name__startswith="a"' }, ['beta', 'delta']],
  ])('narrow by %j', async (query, expected) => {
    expect((await names(query)).toSorted()).toEqual(expected.toSorted());
  });

  it('find by href, PRN and key', async () => {
    const [beta] = (await ask({ name: 'beta' })).body['results']!;
    const key = beta!['pulp_href']!.split('/').at(-2)!;
    expect(await names({ pulp_href__in: beta!['pulp_href']! })).toEqual(['beta']);
    expect(await names({ prn__in: beta!['prn']! })).toEqual(['beta']);
    expect(await names({ pulp_id__in: key })).toEqual(['beta']);
    const generic = await api.get(`${ROOT}/repositories/?pulp_type=container.container&name=beta`);
    expect(generic.body['results']![0]).toMatchObject({ pulp_href: beta!['pulp_href'] });
  });

  it('name what they do not understand', async () => {
    expect(await refusal({ nope: '1' })).toEqual({ errors: ["Invalid Filter: 'nope'"] });
    expect(await refusal({ ordering: 'nope' })).toHaveProperty('ordering');
    expect(await refusal({ retain_repo_versions: 'x' })).toEqual({ retain_repo_versions: ['Enter a number.'] });
    expect(await refusal({ remote: '/nowhere/' })).toEqual(["URI couldn't be resolved: /nowhere/"]);
    expect(await refusal({ pulp_id__in: 'x' })).toHaveProperty('pulp_id__in');
    expect(await refusal({ pulp_label_select: '!a=b' })).toHaveProperty('pulp_label_select');
    expect(await refusal({ q: 'nope=1' })).toEqual({ q: ["Filter 'nope' does not exist."] });
    expect(await refusal({ q: 'ordering=name' })).toEqual({
      q: ['An ordering filter cannot be used in complex filtering.'],
    });
    expect(await refusal({ q: 'name=' })).toEqual({ q: ['Syntax error in expression.'] });
    expect(await refusal({ q: Array(9).fill('name=a').join(' AND ') })).toEqual({
      q: ['Filter expression exceeds allowed complexity.'],
    });
  });

  it.each<Record<string, string>>([
    { name: 'a\0b' },
    { name__regex: '(((' },
    { name__regex: '(a{1,255}){1,255}' },
    { retain_repo_versions: '9'.repeat(25) },
    { retain_repo_versions__range: '1' },
    { q: '('.repeat(5000) },
    { q: `name="${'x'.repeat(10_000)}"` },
  ])('refuse hostile values at once: %#', async (query) => {
    const started = performance.now();
    await refusal(query);
    expect(performance.now() - started).toBeLessThan(2500);
  });

  it('take quotes and SQL as text', async () => {
    expect(await names({ name: `' or 1=1 --` })).toEqual([]);
    expect(await names({ q: `name="' or 1=1 --"` })).toEqual([]);
  });
});
