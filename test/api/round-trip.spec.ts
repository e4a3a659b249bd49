import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type ApiProcess, type Json } from './api-process.js';
import { makeObjects } from './hidden-objects.js';

const { paths } = JSON.parse(await readFile(join(import.meta.dirname, '../../docs/api.json'), 'utf8')) as Json;

/** Takes what it shows for no change: tasks and their groups are cancelled, pieces are put into uploads, a domain stays. */
const OTHERWISE = ['task_href', 'task_group_href', 'upload_href', 'domain_href'];

describe('what was read', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi({ HALLMARK_ALLOWED_EXPORT_PATHS: '/x' });
  });
  afterAll(() => api.close());

  it('can be sent back whole, changed or not, for members that are only shown are passed over', async () => {
    const objects = Object.entries(await makeObjects(api, 'shown')).filter(([kind]) => !OTHERWISE.includes(kind));
    const changeable = objects.filter(([kind]) => paths[`{${kind}}`]?.put);
    expect(changeable.length).toBeGreaterThan(15);
    for (const [kind, href] of changeable) {
      const { body } = await api.get(href);
      for (const method of ['PUT', 'PATCH']) {
        const { status, body: answer } = await api.request(method, href, body);
        expect([kind, method, status, answer.pulp_href]).toEqual([kind, method, 200, href]);
      }
      if (!('description' in body)) continue;
      const changed = await api.request('PUT', href, { ...body, pulp_href: '/elsewhere/', description: 'another' });
      if (changed.status === 202) expect((await api.finished(changed)).state).toBe('completed');
      expect((await api.get(href)).body).toMatchObject({ pulp_href: href, prn: body.prn, description: 'another' });
    }
  });

  it('is no excuse for what is nowhere', async () => {
    const made = await api.request('POST', '/pulp/api/v3/groups/', { name: 'g', prn: 'ignored', pulp_hrefs: 'x' });
    expect([made.status, made.body]).toEqual([400, { pulp_hrefs: ['Unexpected field'] }]);
  });
});
