import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, ROOT, startApi, type Answer, type ApiProcess, type Json } from './api-process.js';
import { CountingStatements } from './counting-statements.js';
import { makeObjects, type Hrefs } from './hidden-objects.js';

/** An operation of the API document. */
interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly body: Readonly<Record<string, Json>>;
}

const DOCUMENT = JSON.parse(await readFile(join(import.meta.dirname, '../../docs/api.json'), 'utf8')) as Json;
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const KEY = /(?<=\/)(?:[0-9a-f]{8}-[0-9a-f-]{27}|\d+)(?=\/)/g;
const UUID_LENGTH = 36;

const resolved = (schema: Json): Json =>
  schema?.$ref ? resolved(DOCUMENT.components.schemas[schema.$ref.split('/').at(-1)]) : schema;

const OPERATIONS: readonly Operation[] = Object.entries(DOCUMENT.paths as Record<string, Json>).flatMap(
  ([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
      id: item[method].operationId,
      method: method.toUpperCase(),
      path,
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])],
      body: resolved(item[method].requestBody?.content['application/json']?.schema)?.properties ?? {},
    })),
);

/** What everybody who signed in may read, so that nothing of it is hidden; and vulnerability reports, of which there are none. */
const OPEN = ['access_policy_href', 'domain_href', 'role_href', 'signing_service_href', 'vulnerability_report_href'];

/** What may be named by who does not see it: he could not sign, guard or gate what is his own otherwise, and learns nothing. */
const NAMEABLE = ['manifest_signing_service', 'content_guard', 'trust_policy'];

/** Roles on objects of paula's own, so that her requests come as far as what they name. */
const OWNER: Readonly<Record<string, string>> = {
  container_container_repository_href: 'container.containerrepository_owner',
  container_container_remote_href: 'container.containerremote_owner',
  container_container_pull_through_remote_href: 'container.containerpullthroughremote_owner',
  container_container_distribution_href: 'container.containerdistribution_owner',
  container_container_pull_through_distribution_href: 'container.containerpullthroughdistribution_owner',
  container_container_namespace_href: 'container.containernamespace_owner',
  composite_content_guard_href: 'core.compositecontentguard_owner',
  r_b_a_c_content_guard_href: 'core.rbaccontentguard_owner',
  upload_href: 'core.upload_owner',
  group_href: 'core.group_owner',
  task_href: 'core.task_owner',
  upstream_pulp_href: 'core.upstreampulp_owner',
};

/** Hrefs that name nothing, each with another key of the given one taken out. */
const missingFor = (href: string): string[] =>
  [...href.matchAll(KEY)].map(({ 0: key, index }) => {
    const none = key.length === UUID_LENGTH ? randomUUID() : '9'.repeat(key.length);
    return href.slice(0, index) + none + href.slice(index + key.length);
  });

/** An answer without what differs from one request to the next, and without what was asked for. */
function shape({ status, headers, body }: Answer, href: string): string {
  const kept = [...headers].filter(([name]) => !['date', 'correlation-id'].includes(name));
  const said = JSON.stringify(status < 300 ? { status } : { status, kept, body }).replaceAll(href, 'HREF');
  const keys = (href.match(KEY) ?? []).filter(({ length }) => length === UUID_LENGTH);
  return keys.reduce((text, key) => text.replaceAll(key, 'KEY'), said);
}

/** A value that cannot name what it is for, whoever sees that: nothing was looked up. */
const isOtherKind = ({ status, body }: Answer): boolean =>
  status === 400 && /URL match|not a valid/.test(JSON.stringify(body));

/** A value that means no other object: it may be any text. */
const isTakenAsItIs = ({ status, body }: Answer, member: string): boolean =>
  status < 300 || (status === 400 && !Array.isArray(body) && !(member in body) && !('non_field_errors' in body));

describe('what an href names that somebody may not see', () => {
  let api: ApiProcess;
  let hidden: Hrefs;
  let own: Hrefs;
  let statements: CountingStatements;
  const as = { as: 'paula' };

  beforeAll(async () => {
    api = await startApi();
    statements = new CountingStatements(api.source);
    hidden = await makeObjects(api, 'hidden');
    own = await makeObjects(api, 'paula');
    await addUser(api.source, 'paula');
    const [paula] = (await api.get(`${ROOT}/users/?username=paula`)).body['results'];
    const roles = (await api.get(`${ROOT}/roles/?name__contains=_creator&limit=100`)).body['results'] as Json[];
    for (const { name } of roles)
      await api.request('POST', `${paula.pulp_href}roles/`, { role: name, content_object: null });
    for (const [parameter, role] of Object.entries(OWNER)) {
      const given = await api.request('POST', `${own[parameter]}add_role/`, { role, users: ['paula'] });
      expect([parameter, given.status]).toEqual([parameter, 201]);
    }
  }, 60_000);
  afterAll(() => api.close());

  /** What is told apart: answers to this href that differ from those to hrefs that name nothing. */
  async function differences(href: string, what: string, ask: (href: string) => Promise<Answer>): Promise<string[]> {
    const answer = await ask(href);
    if (isOtherKind(answer)) return [];
    const told: string[] = [];
    for (const other of missingFor(href)) {
      const [of, missing] = [shape(answer, href), shape(await ask(other), other)];
      if (of !== missing) told.push(`${what}: ${of} but ${missing}`);
    }
    return told;
  }

  it('is one object of every kind that a path can name', () => {
    const named = OPERATIONS.flatMap(({ path }) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!));
    const unknown = [...new Set(named)].filter((name) => !hidden[name] && !OPEN.includes(name));
    expect(unknown).toEqual([]);
  });

  it('is answered like what is not there when a path names it, with as many statements', async () => {
    const told: string[] = [];
    for (const { id, method, path } of OPERATIONS) {
      const parameter = /^\{(\w+)\}/.exec(path)?.[1];
      if (!parameter || OPEN.includes(parameter)) continue;
      const body = ['GET', 'DELETE'].includes(method) ? undefined : {};
      const ask = (href: string) => api.request(method, path.replace(/^\{\w+\}/, href), body, as);
      const href = hidden[parameter]!;
      told.push(...(await differences(href, id, ask)));
      const { status } = await ask(href);
      if (![403, 404].includes(status)) told.push(`${id}: ${status}`);
      const [seen, unseen] = [await work(() => ask(href)), await work(() => ask(missingFor(href)[0]!))];
      if (seen !== unseen) told.push(`${id}: ${seen} statements but ${unseen}`);
    }
    expect(told).toEqual([]);
  }, 120_000);

  it('is answered like what is not there when a query names it', async () => {
    const told: string[] = [];
    let asked = 0;
    for (const { id, method, path, parameters } of OPERATIONS) {
      const at = path.replace(/^\{(\w+)\}/, (_all, name: string) => own[name] ?? '');
      for (const { name, in: where, description = '' } of method === 'GET' ? parameters : []) {
        if (where !== 'query' || !/href|prn/i.test(description + name)) continue;
        // Lists by identity know keys of their own kinds only.
        const isIdentity = /^(?:pulp_href|prn)__in$/.test(name);
        for (const [kind, href] of kindsOf(hidden)) {
          if (isIdentity && !href.startsWith(at)) continue;
          const ask = (each: string) => api.get(`${at}?${name}=${encodeURIComponent(each)}`, as);
          told.push(...(await differences(href, `${id} ?${name}= ${kind}`, ask)));
          asked += 1;
        }
      }
    }
    expect(told).toEqual([]);
    expect(asked).toBeGreaterThan(500);
  }, 300_000);

  it('is answered like what is not there when a body names it', async () => {
    const told: string[] = [];
    let asked = 0;
    for (const { id, method, path, body } of OPERATIONS) {
      const at = path.replace(/^\{(\w+)\}/, (_all, name: string) => own[name] ?? ROOT);
      if (!['POST', 'PATCH'].includes(method)) continue;
      if ((await api.request(method, at, { unknown_member: 1 }, as)).status !== 400) continue;
      for (const [member, given] of Object.entries(body)) {
        const { type, enum: choices } = resolved(given);
        if (NAMEABLE.includes(member) || choices || !['array', 'string'].includes(type)) continue;
        const ask = (each: string) => api.request(method, at, { [member]: type === 'array' ? [each] : each }, as);
        if (isTakenAsItIs(await ask(`${ROOT}/tasks/${randomUUID()}/`), member)) continue;
        for (const [kind, href] of kindsOf(hidden)) {
          told.push(...(await differences(href, `${id} {${member}} ${kind}`, ask)));
          asked += 1;
        }
      }
    }
    expect(told).toEqual([]);
    expect(asked).toBeGreaterThan(500);
  }, 300_000);

  const work = async (ask: () => Promise<Answer>): Promise<number> => (await statements.during(ask)).length;
  const kindsOf = (hrefs: Hrefs) => Object.entries(hrefs).filter(([kind]) => !OPEN.includes(kind));
});
